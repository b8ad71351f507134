"""A queue of Kueue's for a test's namespace."""

from __future__ import annotations

from typing import Any

import yaml
from apiserver.control_plane import ControlPlane

Body = dict[str, Any]
VERSION = "kueue.x-k8s.io/v1beta2"
NAME = "team-a.research"
"""With a dot: what Kueue takes as a name, in a Workload and in a label."""
WAITING = f"waiting in queue {NAME}"
"""The message of a run that it holds back."""


def set_policy(plane: ControlPlane, namespace: str, stop: str) -> None:
    """The LocalQueue NAME with a queue of its own: stopped (Hold), running (None) or emptied (HoldAndDrain)."""
    text = yaml.safe_dump_all(_queues(f"all-{namespace}", stop))
    applied = plane.kubectl("apply", "-n", namespace, "-f", "-", text=text)
    assert applied.returncode == 0, applied.stderr


def _queues(name: str, stop: str) -> list[Body]:
    quota = [{"name": "cpu", "nominalQuota": 4}, {"name": "memory", "nominalQuota": "8Gi"}]
    return [
        {"apiVersion": VERSION, "kind": "ResourceFlavor", "metadata": {"name": "any"}, "spec": {
            "nodeLabels": {"pool": "research"}, "tolerations": [{"key": "research", "operator": "Exists"}]}},
        {"apiVersion": VERSION, "kind": "ClusterQueue", "metadata": {"name": name}, "spec": {
            "namespaceSelector": {}, "stopPolicy": stop, "resourceGroups": [
                {"coveredResources": ["cpu", "memory"], "flavors": [{"name": "any", "resources": quota}]}]}},
        {"apiVersion": VERSION, "kind": "LocalQueue", "metadata": {"name": NAME}, "spec": {"clusterQueue": name}},
    ]
