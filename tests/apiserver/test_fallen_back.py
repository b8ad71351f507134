"""Records move out of ConfigMaps into a results store: at every moment one can read them, whoever is killed where."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiserver import operator_process
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import OperatorProcess, listed, until
from kubernetes import client, config

from shapebench.api import keys, packing, places
from shapebench.api.record import Cell, Phase, PodRecord, RunRecord, Times, Verdict
from shapebench.kube import records
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.fallen_back import FallenBack, NotYetError
from shapebench.kube.finished_runs import FinishedRuns
from shapebench.kube.retry import Retry
from shapebench.kube.transport import MERGE_PATCH, Request, Transport
from shapebench.reconcile import keeping
from shapebench.results import stores
from shapebench.results.keeper import Keeper

Body = dict[str, Any]
SERVED_AT = "/api/v1/namespaces/s/services/shapebench:9090/proxy/records/n/read/uid"

POD = PodRecord(pod="p", role="worker", index=0, counters="none", agent_started_s=1.0, exit_code=0)


class Killed(BaseException):
    """The operator dies here."""


class Watched(Transport):
    """Tells of each request before and after it, and may raise there."""

    def __init__(self, made: client.ApiClient, at: Callable[[], None]) -> None:
        super().__init__(made, Retry(sleep=lambda _: None))
        self._at = at

    def raw(self, request: Request, waits: Retry | None = None) -> bytes:
        self._at()
        answer = super().raw(request, waits)
        self._at()
        return answer


@pytest.fixture(scope="module")
def operators_client(api_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.ApiClient]:
    """With the rights that the chart gives the operator where there is a results store."""
    kubeconfig = operator_process.install_account(
        api_server, tmp_path_factory.mktemp("account"), {"results": {"volume": {"enabled": True}}})
    with config.new_client_from_config(str(kubeconfig)) as made:
        yield made


class Lab:
    """A namespace with Benchmark `read` and runs whose records are in ConfigMaps, and a store in a folder."""

    def __init__(self, plane: ControlPlane, admin: client.ApiClient, operators: client.ApiClient, namespace: str,
                 folder: Path) -> None:
        self.plane = plane
        self.namespace = namespace
        self.admin = Transport(admin)
        self.operators = operators
        self.keeper = Keeper(folder.as_uri(), stores.opened(folder.as_uri()))
        operator_process.apply(plane, namespace, operator_process.tensorflow("read", suspend=True))
        self.benchmark = self.get("benchmarks", "read")

    def path(self, kind: str, name: str, sub: str = "") -> str:
        group = "/api/v1" if kind == "configmaps" else f"/apis/{keys.API_VERSION}"
        return f"{group}/namespaces/{self.namespace}/{kind}/{name}{sub and '/'}{sub}"

    def get(self, kind: str, name: str) -> Body:
        return self.admin.parsed(Request("GET", self.path(kind, name)))

    def patch_status(self, kind: str, name: str, status: Body) -> None:
        self.admin.raw(Request("PATCH", self.path(kind, name, "status"), body={"status": status},
                               content_type=MERGE_PATCH))

    def fall_back(self, run: str, data: bytes | None = None, owned: bool = True) -> RunRecord:
        """A run that has ended while the store was away, as an operator leaves it."""
        record = record_of(self.namespace, run)
        body = {"apiVersion": keys.API_VERSION, "kind": "BenchmarkRun", "metadata": {
            "name": run, "labels": {keys.LABEL_BENCHMARK: "read"}, "ownerReferences": [owner(self.benchmark)]},
            "spec": {"benchmark": "read", "shape": "2x1", "parameters": {}, "block": 1, "repetition": 1,
                     "position": record.position}}
        made = self.admin.parsed(Request("POST", self.path("benchmarkruns", ""), body=body))
        self.admin.raw(Request("POST", self.path("configmaps", ""), body={
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": keys.record_name(run), "ownerReferences": [owner(made)] if owned else []},
            "binaryData": {keys.RECORD_KEY: base64.b64encode(data or packing.packed(record)).decode()}}))
        self.patch_status("benchmarkruns", run, {"phase": "Succeeded", "record": keys.record_name(run)})
        return record

    def moves(self, at: Callable[[], None] = lambda: None, served: bool = False) -> FallenBack:
        """The operator's."""
        cluster = KubeCluster(Watched(self.operators, at), "", results=self.keeper)
        return FallenBack(cluster, self.keeper, served)

    def readable(self) -> list[str]:
        """The runs whose records a user gets."""
        missing: list[str] = []
        found = [one.run for one in records.read(self.admin, self.namespace, "read", missing.append)[1]]
        assert missing == []
        return found

    def stored(self, run: str) -> str:
        """Where in the store its record belongs."""
        return places.record(self.namespace, "read", self.benchmark["metadata"]["uid"], run)

    def check_moved(self, run: str) -> None:
        """It is in the store, the run's status says so, and the ConfigMap is gone."""
        status = self.get("benchmarkruns", run)["status"]
        assert (status["record"], status["recordCopy"]) == (places.url(self.keeper.url, self.stored(run)), "")
        assert packing.unpacked(self.keeper.read(status["record"]) or b"") == record_of(self.namespace, run)
        listed = self.plane.kubectl("get", "configmap", "-n", self.namespace, "-o", "name").stdout.split()
        assert f"configmap/{keys.record_name(run)}" not in listed


def owner(body: Body) -> Body:
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": body["metadata"]["name"],
            "uid": body["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def record_of(namespace: str, run: str) -> RunRecord:
    return RunRecord(benchmark="read", namespace=namespace, run=run, backend="kubernetes", cell=Cell(shape="2x1"),
                     workers=2, cpu=1, memory_bytes=1, block=1, repetition=1, position=int(run.rpartition("-")[2]),
                     attempt=1, phase=Phase.SUCCEEDED, verdict=Verdict.VALID, times=Times(), duration_s=2.0)


@pytest.fixture
def lab(api_server: ControlPlane, api_client: client.ApiClient, operators_client: client.ApiClient, namespace: str,
        tmp_path: Path) -> Lab:
    return Lab(api_server, api_client, operators_client, namespace, tmp_path / "results")


def test_a_record_is_moved_and_can_be_read_at_every_moment(lab: Lab) -> None:
    lab.fall_back("read-1-1")
    seen = 0

    def at() -> None:
        nonlocal seen
        seen += 1
        assert lab.readable() == ["read-1-1"]

    url = lab.moves(at).move(lab.namespace, "read-1-1")
    assert url == lab.get("benchmarkruns", "read-1-1")["status"]["record"]
    lab.check_moved("read-1-1")
    assert lab.moves().move(lab.namespace, "read-1-1") == "", "nothing is left to do"
    assert seen == 12, "six requests"


def test_an_operator_killed_before_or_after_any_request_leaves_nothing_behind(lab: Lab) -> None:
    for moment in range(1, 13):
        run = f"read-1-{moment}"
        lab.fall_back(run)
        count = itertools.count(1)

        def at(moment: int = moment, count: Iterator[int] = count) -> None:
            if next(count) == moment:
                raise Killed

        with pytest.raises(Killed):
            lab.moves(at).move(lab.namespace, run)
        assert run in lab.readable(), f"killed at {moment}"
        lab.moves().move(lab.namespace, run)
        lab.check_moved(run)


def test_who_read_the_status_before_finds_the_record_where_it_is_now(lab: Lab) -> None:
    record = lab.fall_back("read-1-1")
    before = lab.get("benchmarkruns", "read-1-1")
    _, late = records.read(lab.admin, lab.namespace, "read", print)  # a user's list is read, no record yet
    lab.moves().move(lab.namespace, "read-1-1")
    assert list(late) == [record]
    cluster = KubeCluster(lab.admin, "", results=lab.keeper)
    found = records.of_run(cluster, before)
    assert found is not None
    assert found.head == record
    sent = FinishedRuns(cluster).unsent(lab.namespace, "read-1-1", before["metadata"]["uid"])
    assert sent is not None
    assert sent.record == record


@pytest.mark.parametrize(("fall_back", "words"), [
    pytest.param({"owned": False}, "ConfigMap read-1-1-record does not belong to the run", id="somebody-elses"),
    pytest.param({"data": b"x"}, "ConfigMap read-1-1-record: not a record", id="damaged"),
    pytest.param({"data": packing.packed(record_of("other", "read-1-1"))},
                 "ConfigMap read-1-1-record has the record of another run: other/read-1-1", id="another-runs"),
])
def test_what_is_not_the_runs_record_stays(lab: Lab, fall_back: Body, words: str) -> None:
    lab.fall_back("read-1-1", **fall_back)
    with pytest.raises(ValueError, match=words):
        lab.moves().move(lab.namespace, "read-1-1")
    assert lab.get("benchmarkruns", "read-1-1")["status"]["record"] == "read-1-1-record"
    assert lab.get("configmaps", "read-1-1-record")["binaryData"]
    assert lab.keeper.read(places.url(lab.keeper.url, lab.stored("read-1-1"))) is None


@pytest.mark.parametrize(("update", "stays"), [
    pytest.param({}, True, id="a-write-that-ended-after-all"),
    pytest.param({"times": Times(created_s=1.0)}, False, id="of-the-run-that-was-deleted"),
    pytest.param({"environment": {keeping.LEFT_OUT: "the pods"}}, False, id="no-better"),
])
def test_a_whole_record_that_is_in_the_store_already_is_not_replaced_by_a_thinned_one(lab: Lab, update: Body,
                                                                                      stays: bool) -> None:
    whole = record_of(lab.namespace, "read-1-1")
    thinned = whole.model_copy(update={"environment": {keeping.LEFT_OUT: "the time series"}})
    there = whole.model_copy(update={"pods": (POD,), **update})
    lab.fall_back("read-1-1", data=packing.packed(thinned))
    lab.keeper.keep(lab.stored("read-1-1"), lambda: packing.packed(there))
    url = lab.moves().move(lab.namespace, "read-1-1")
    assert packing.unpacked(lab.keeper.read(url) or b"") == (there if stays else thinned)
    assert lab.get("benchmarkruns", "read-1-1")["status"]["record"] == url


def test_a_run_that_changed_meanwhile_is_looked_at_again(lab: Lab) -> None:
    lab.fall_back("read-1-1")
    count = itertools.count(1)

    def at() -> None:
        if next(count) == 4:  # the run and its ConfigMap are read
            lab.patch_status("benchmarkruns", "read-1-1", {"message": "new"})

    with pytest.raises(NotYetError, match="the object has been modified"):
        lab.moves(at).move(lab.namespace, "read-1-1")
    assert lab.readable() == ["read-1-1"]
    lab.moves().move(lab.namespace, "read-1-1")
    lab.check_moved("read-1-1")
    assert lab.get("benchmarkruns", "read-1-1")["status"]["message"] == "new"


def test_a_run_that_was_made_again_keeps_its_own_record(lab: Lab) -> None:
    lab.fall_back("read-1-1")
    count = itertools.count(1)

    def at() -> None:
        if next(count) == 4:
            for kind, name in (("configmaps", "read-1-1-record"), ("benchmarkruns", "read-1-1")):
                lab.admin.raw(Request("DELETE", lab.path(kind, name)))
            lab.fall_back("read-1-1")

    with pytest.raises(NotYetError, match=r"Precondition failed: UID|modified"):
        lab.moves(at).move(lab.namespace, "read-1-1")
    assert lab.get("benchmarkruns", "read-1-1")["status"]["record"] == "read-1-1-record"
    assert lab.get("configmaps", "read-1-1-record")["binaryData"]


def test_before_users_could_read_it_there_a_record_is_not_moved(lab: Lab) -> None:
    lab.fall_back("read-1-1")
    with pytest.raises(NotYetError, match="the status of Benchmark read has no recordsPath yet"):
        lab.moves(served=True).move(lab.namespace, "read-1-1")
    assert lab.get("benchmarkruns", "read-1-1")["status"]["record"] == "read-1-1-record"
    lab.patch_status("benchmarks", "read", {"recordsPath": SERVED_AT})
    lab.moves(served=True).move(lab.namespace, "read-1-1")
    lab.check_moved("read-1-1")


def test_a_deleted_record_is_nothing_to_move(lab: Lab) -> None:
    lab.fall_back("read-1-1")
    lab.admin.raw(Request("DELETE", lab.path("configmaps", "read-1-1-record")))
    assert lab.moves().move(lab.namespace, "read-1-1") == ""
    assert lab.moves().move(lab.namespace, "read-9-9") == ""


def test_the_operator_moves_what_it_could_not_store_once_the_store_answers(
        api_server: ControlPlane, namespace: str, tmp_path: Path) -> None:
    volume = tmp_path / "results"
    volume.write_text("a file where the folder should be")
    kubeconfig = operator_process.install_account(api_server, tmp_path, {"results": {"volume": {"enabled": True}}})
    settings = {"SHAPEBENCH_RESULTS_URL": volume.as_uri(), "SHAPEBENCH_NAMESPACES": namespace,
                "SHAPEBENCH_RESULTS_SERVICE": "shapebench-system/shapebench:9090"}

    def status() -> Body:
        return operator_process.run_status(api_server, namespace, "late-1-1")

    with operator_process.running(kubeconfig, tmp_path, **settings) as operator:
        operator_process.apply(api_server, namespace, operator_process.tensorflow("late"))
        until(lambda: len(listed(api_server, namespace, "pods")) == 2, operator)
        operator_process.end_pods(api_server, namespace, "late", exit_code=3)
        until(lambda: value(operator, 'moves_total{result="failed"}') >= 1, operator)
        assert (status()["phase"], status()["record"]) == ("Failed", "late-1-1-record")
        assert value(operator, "waiting_records") == 1
        told = api_server.kubectl("get", "benchmarkruns", "-n", namespace, "-o",  # as docs/how-to/results.md has it
                                  "custom-columns=RUN:.metadata.name,RECORD:.status.record").stdout
        assert [line.split() for line in told.splitlines() if line.endswith("-record")] == [
            ["late-1-1", "late-1-1-record"]]
        operator.process.kill()
        operator.process.wait()
    volume.unlink()
    with operator_process.running(kubeconfig, tmp_path, **settings) as operator:
        until(lambda: value(operator, 'moves_total{result="done"}') == 1, operator)
        until(lambda: value(operator, "waiting_records") == 0, operator)
        assert status()["record"].startswith(f"{volume.as_uri()}/{namespace}/late/")
        assert Path(status()["record"].removeprefix("file://")).is_file()
        assert listed(api_server, namespace, "configmaps") == []
        assert operator.denials() == []
        assert "Traceback" not in operator.log, operator.log


def value(operator: OperatorProcess, name: str) -> float:
    found = [line.rpartition(" ")[2] for line in operator.get("/metrics")[1].splitlines()
             if line.startswith(f"shapebench_results_{name} ")]
    return float(found[0]) if found else -1.0
