"""The nodes of a real API server, as `shapebench plan` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from apiserver.control_plane import ControlPlane
from kubernetes import client

from shapebench.api.benchmark import BenchmarkSpec
from shapebench.kube import nodes
from shapebench.kube.transport import Transport
from shapebench.plan import placement

SPEC = BenchmarkSpec.model_validate({
    "workload": {"tensorflow": {"job": "train"}},
    "shapes": [{"name": "fits", "workers": 2, "cpu": "900m", "memory": "3Gi", "nodeSelector": {"pool": "small"},
                "tolerations": [{"key": "spot", "operator": "Exists"}]},
               {"name": "large", "workers": 1, "cpu": "2", "memory": "3Gi", "nodeSelector": {"pool": "small"},
                "tolerations": [{"key": "spot", "operator": "Exists"}]}]})


@pytest.fixture
def node(api_server: ControlPlane) -> Iterator[str]:
    """What a kubelet would have registered."""
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {"pool": "small"}}}
    assert api_server.kubectl("apply", "-f", "-", text=json.dumps(body)).returncode == 0
    size = {"status": {"allocatable": {"cpu": "1930m", "memory": "7484Mi", "pods": "110"}}}
    # The server taints a new node as not ready, and a controller that does not run here would take that away.
    ready = {"spec": {"taints": [{"key": "spot", "value": "true", "effect": "NoSchedule"}]}}
    for change, where in ((size, ("--subresource=status",)), (ready, ())):
        patched = api_server.kubectl("patch", "node", "n1", *where, "--type=merge", "-p", json.dumps(change))
        assert patched.returncode == 0, patched.stderr
    yield "n1"
    api_server.kubectl("delete", "node", "n1")


def test_a_nodes_size_labels_and_taints_decide_which_shapes_have_room(
        api_client: client.ApiClient, node: str) -> None:
    found = nodes.read(Transport(api_client))
    assert found is not None
    assert [one.name for one in found] == [node]
    assert placement.remarks(SPEC, found) == (
        "spec.shapes[1] (large): no node with pool=small fits a pod of 2 CPU and 3Gi: the largest, n1, has 1930m CPU "
        "and 7484Mi for pods",)


def test_an_account_that_may_not_list_nodes_is_told_so_and_not_that_there_are_none(
        api_server: ControlPlane, namespace: str, node: str) -> None:
    api_server.kubectl("create", "serviceaccount", "anna", "-n", namespace)
    token = api_server.kubectl("create", "token", "anna", "-n", namespace).stdout.strip()
    with api_server.client() as api:
        configuration = api.configuration
        configuration.cert_file = configuration.key_file = None
        configuration.api_key = {"authorization": f"Bearer {token}"}
        with client.ApiClient(configuration) as hers:
            assert nodes.read(Transport(hers)) is None
