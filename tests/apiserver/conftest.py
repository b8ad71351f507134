"""One API server for the session, with the project's CRDs installed, and a namespace for each test."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiserver import control_plane, definitions, operator_process, other_operators
from kubernetes import client

CRDS = Path(__file__).parents[2] / "manifests" / "crd"
CRD_NAMES = ("benchmarks.shapebench.dev", "benchmarkruns.shapebench.dev")


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    """A real etcd and kube-apiserver with the project's CRDs established."""
    with control_plane.running(tmp_path_factory.mktemp("control-plane")) as plane:
        _install(plane)
        yield plane


@pytest.fixture(scope="session")
def engine_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    """Another one, with the definitions of the other operators that Benchmarks may be launched through."""
    with control_plane.running(tmp_path_factory.mktemp("engines")) as plane:
        _install(plane)
        for operator in ("training-operator", "spark-operator", "kueue"):
            definitions.install(plane, operator)
        yield plane


def _install(plane: control_plane.ControlPlane) -> None:
    applied = plane.kubectl("apply", "-f", str(CRDS))
    assert applied.returncode == 0, applied.stderr
    established = plane.kubectl("wait", "--for=condition=Established", "--timeout=60s",
                                *(f"crd/{name}" for name in CRD_NAMES))
    assert established.returncode == 0, established.stderr


@pytest.fixture(scope="session")
def api_client(api_server: control_plane.ControlPlane) -> Iterator[client.ApiClient]:
    """The official client, as cluster administrator."""
    with api_server.client() as api:
        yield api


@pytest.fixture(scope="session")
def new_namespace(api_client: client.ApiClient) -> Callable[[], str]:
    """Makes a namespace and returns its name. Nothing deletes it: no controller runs here, and the server ends soon."""
    numbers = itertools.count()

    def make() -> str:
        name = f"test-{next(numbers)}"
        client.CoreV1Api(api_client).create_namespace({"metadata": {"name": name}})
        return name

    return make


@pytest.fixture
def engine_namespace(engine_server: control_plane.ControlPlane) -> str:
    """A namespace of the test's own on the other server, with an account for Spark drivers."""
    name = f"test-{secrets.token_hex(4)}"
    for created in (("namespace", name), ("serviceaccount", "spark", "-n", name)):
        assert engine_server.kubectl("create", *created).returncode == 0
    return name


@pytest.fixture(scope="module")
def engine_operator(engine_server: control_plane.ControlPlane,
                    tmp_path_factory: pytest.TempPathFactory) -> Iterator[operator_process.OperatorProcess]:
    """Our operator there, with the rights on the other operators' objects."""
    folder = tmp_path_factory.mktemp("operator")
    with operator_process.faultless(engine_server, folder, other_operators.ENABLED) as process:
        yield process


@pytest.fixture
def namespace(new_namespace: Callable[[], str]) -> str:
    """A namespace of the test's own."""
    return new_namespace()
