"""An operator of one namespace: a Role there is enough, what lies elsewhere is left alone, SIGTERM ends it.

A module of its own, because no other operator may run meanwhile: it would do this one's work.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from apiserver import operator_process
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import apply, listed, spark, tensorflow, until


def test_a_role_in_its_namespace_is_enough(api_server: ControlPlane, new_namespace: Callable[[], str],
                                           tmp_path: Path) -> None:
    served, other = new_namespace(), new_namespace()
    kubeconfig = operator_process.install_account(api_server, tmp_path, {
        "watchNamespaces": [served], "workloadNamespaces": [served], "fullnameOverride": "narrow"})
    with operator_process.running(kubeconfig, tmp_path, SHAPEBENCH_NAMESPACES=served) as operator:
        apply(api_server, other, tensorflow("elsewhere"))
        apply(api_server, served, spark("read"))
        until(lambda: len(listed(api_server, served, "pods")) == 1, operator)
        assert listed(api_server, other, "pods") == []
        operator.process.send_signal(signal.SIGTERM)
        assert operator.process.wait(30) == 0
        assert operator.denials() == []
