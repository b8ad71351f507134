"""The nodes as `shapebench plan` reads them."""

from __future__ import annotations

import pytest
from unit.kube.fake_api import Answer, FakeApi, found, status

from shapebench.kube import nodes
from shapebench.kube.transport import Transport

NODE = {"metadata": {"name": "n1", "labels": {"pool": "small"}}, "spec": {},
        "status": {"allocatable": {"cpu": "1930m", "memory": "7484Mi"}}}


@pytest.mark.parametrize(("answer", "names"), [
    pytest.param(found({"items": [NODE, {"metadata": {"name": "n2"}}], "metadata": {}}), ["n1"], id="there"),
    pytest.param(found({"items": [], "metadata": {}}), [], id="none"),
    pytest.param(status(403, "Forbidden", "nodes is forbidden"), None, id="may-not-be-listed"),
])
def test_nodes(api: FakeApi, transport: Transport, answer: Answer, names: list[str] | None) -> None:
    api.answers = [answer]
    read = nodes.read(transport)
    assert (None if read is None else [one.name for one in read]) == names
    assert api.asked[0].path == "/api/v1/nodes?limit=500"
