"""Snapshots, lists in pages, logs and records."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
from unit.kube.fake_api import Answer, FakeApi, found, status

from shapebench.api import keys, packing
from shapebench.api.record import Cell, Phase, RunRecord, Times, Verdict
from shapebench.kube import errors, listing, records
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.transport import Transport
from shapebench.plan import actions
from shapebench.results import stores
from shapebench.results.keeper import Keeper


def _benchmark(workload: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Benchmark", "metadata": {"name": "one", "namespace": "lab"}, "spec": {"workload": workload}}


def test_a_list_comes_in_pages_and_its_items_say_what_they_are(api: FakeApi, transport: Transport) -> None:
    api.answers = [found({"apiVersion": "v1", "items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "t"}}),
                   found({"apiVersion": "v1", "items": [{"metadata": {"name": "b"}}], "metadata": {}})]
    pods = listing.objects(transport, "Pod", "lab", "k=v")
    assert [(pod["kind"], pod["apiVersion"], pod["metadata"]["name"]) for pod in pods] == [
        ("Pod", "v1", "a"), ("Pod", "v1", "b")]
    assert [asked.path for asked in api.asked] == [
        "/api/v1/namespaces/lab/pods?limit=500&labelSelector=k%3Dv",
        "/api/v1/namespaces/lab/pods?limit=500&labelSelector=k%3Dv&continue=t"]


def test_a_list_whose_pages_expired_starts_again(api: FakeApi, transport: Transport) -> None:
    one = {"metadata": {"name": "a"}}
    api.answers = [found({"items": [one], "metadata": {"continue": "t"}}), status(410, "Expired"),
                   found({"items": [one], "metadata": {}})]
    assert len(listing.objects(transport, "Pod", None)) == 1


def test_a_missing_crd_says_so(api: FakeApi, transport: Transport) -> None:
    api.answers = [Answer(404, b"404 page not found")]
    with pytest.raises(errors.UnavailableError, match="CustomResourceDefinitions"):
        listing.objects(transport, "Benchmark", None)


def test_a_benchmark_that_is_gone_is_one_call(api: FakeApi, cluster: KubeCluster) -> None:
    api.answers = [status(404)]
    assert cluster.snapshot("lab", "one").benchmark is None
    assert len(api.asked) == 1


@pytest.mark.parametrize(("workload", "account"), [
    pytest.param({"spark": {}}, "shapebench-driver", id="spark-default"),
    pytest.param({"spark": {"driver": {"serviceAccountName": "own"}}}, "own", id="spark-own"),
    pytest.param({"tensorflow": {}}, None, id="tensorflow"),
])
@pytest.mark.parametrize("exists", [True, False])
def test_looks_up_the_driver_account_for_spark_only(api: FakeApi, cluster: KubeCluster, workload: dict[str, Any],
                                                    account: str | None, exists: bool) -> None:
    api.answers = [found(_benchmark(workload)), found({}), found({}), found({}) if exists else status(404)]
    snapshot = cluster.snapshot("lab", "one")
    asked = [one.path for one in api.asked if "serviceaccounts" in one.path]
    assert asked == ([f"/api/v1/namespaces/lab/serviceaccounts/{account}"] if account else [])
    assert snapshot.driver_account_exists == (exists or account is None)


@pytest.mark.parametrize(("answer", "text"), [
    pytest.param(Answer(200, "last\nline ü\n".encode()), "last\nline ü\n", id="there"),
    pytest.param(Answer(200, b"binary \xff\xfe rest"), "binary \ufffd\ufffd rest", id="binary"),
    pytest.param(status(404), "", id="pod-gone"),
    pytest.param(status(400, "BadRequest", "container not started"), "", id="not-started"),
])
def test_log(api: FakeApi, cluster: KubeCluster, answer: Answer, text: str) -> None:
    api.answers = [answer]
    assert cluster.log("lab", "pod", "program") == text
    assert api.asked[0].path.startswith("/api/v1/namespaces/lab/pods/pod/log?container=program&tailLines=")


@pytest.mark.parametrize(("answer", "why"), [
    pytest.param(status(500, "InternalError", "dial tcp 10.0.0.9:10250: no route to host"), "no route to host",
                 id="node-away"),
    pytest.param(Answer(502, b"bad gateway"), "bad gateway", id="node-away-in-other-words"),
    pytest.param(Answer(504), "HTTP 504", id="node-slow"),
    pytest.param(status(503), "HTTP 503", id="api-server-away"),
])
def test_a_log_that_cannot_be_read_now_is_told_apart_after_some_seconds(
        api: FakeApi, cluster: KubeCluster, slept: list[float], answer: Answer, why: str) -> None:
    api.answers = [answer] * 100
    with pytest.raises(actions.LogUnavailableError, match=why):
        cluster.log("lab", "pod", "program")
    assert 6 <= sum(slept) < 11


def test_a_log_that_may_not_be_read_is_another_thing(api: FakeApi, cluster: KubeCluster) -> None:
    api.answers = [status(403, "Forbidden", "pods/log is forbidden")]
    with pytest.raises(errors.ForbiddenError, match="pods/log is forbidden"):
        cluster.log("lab", "pod", "program")


@pytest.mark.parametrize(("answer", "data"), [
    pytest.param(found({"metadata": {"ownerReferences": [{"kind": "BenchmarkRun", "name": "r", "uid": "u",
                                                          "controller": True}]},
                        "binaryData": {keys.RECORD_KEY: base64.b64encode(b"packed").decode()}}), b"packed", id="there"),
    pytest.param(found({"metadata": {}, "binaryData": {keys.RECORD_KEY: "eA=="}}), b"", id="of-another-owner"),
    pytest.param(status(404), b"", id="gone"),
])
def test_what_is_kept_in_a_config_map_of_a_run(api: FakeApi, cluster: KubeCluster, answer: Answer,
                                               data: bytes) -> None:
    api.answers = [answer]
    assert cluster.kept("lab", "one-1-1-a1-record", "u") == data


def _record(block: int, position: int) -> RunRecord:
    return RunRecord(benchmark="one", namespace="lab", run=keys.run_name("one", block, position), backend="kubernetes",
                     cell=Cell(shape="s"), workers=1, cpu=1, memory_bytes=1, block=block, repetition=1,
                     position=position, attempt=1, phase=Phase.SUCCEEDED, verdict=Verdict.VALID, times=Times())


def _run(one: RunRecord, place: str | None = None) -> dict[str, Any]:
    return {"metadata": {"name": one.run}, "spec": {"block": one.block, "position": one.position},
            "status": {"phase": "Succeeded", "record": place or keys.record_name(one.run)}}


def _config_map(one: RunRecord) -> dict[str, Any]:
    packed = base64.b64encode(gzip.compress(one.model_dump_json().encode())).decode()
    return {"metadata": {"name": keys.record_name(one.run)}, "binaryData": {keys.RECORD_KEY: packed}}


def test_records_come_in_the_order_in_which_they_ran(api: FakeApi, transport: Transport) -> None:
    ran = [_record(0, 1), _record(1, 1), _record(1, 2), _record(1, 10), _record(2, 1)]
    unfinished = _run(_record(3, 1)) | {"status": {"phase": "Running"}}
    api.answers = [found(_benchmark({})), found({"items": [unfinished, *map(_run, reversed(ran))]})]
    api.by_path = {f"/api/v1/namespaces/lab/configmaps/{keys.record_name(one.run)}": found(_config_map(one))
                   for one in ran}
    told: list[str] = []
    benchmark, found_records = records.read(transport, "lab", "one", told.append)
    assert benchmark["metadata"]["name"] == "one"
    assert list(found_records) == ran
    assert told == []
    assert "shapebench.dev/benchmark%3Done" in api.asked[1].path


def test_each_record_is_read_where_its_run_says(api: FakeApi, transport: Transport) -> None:
    here, away, gone = _record(1, 1), _record(1, 2), _record(1, 3)
    store = stores.opened("memory://reading")
    store.write("lab/one/u/one-1-2.json.gz", packing.packed(away))
    served_at = "/api/v1/namespaces/sys/services/shapebench:9090/proxy/records/lab/one/u"
    in_volume = _record(2, 1)
    api.answers = [found(_benchmark({}) | {"status": {"recordsPath": served_at}}), found({"items": [
        _run(here), _run(away, "memory://reading/lab/one/u/one-1-2.json.gz"),
        _run(gone, "memory://reading/lab/one/u/one-1-3.json.gz"),
        _run(in_volume, "file:///not/mounted/here/lab/one/u/one-2-1.json.gz")]})]
    api.by_path = {f"/api/v1/namespaces/lab/configmaps/{keys.record_name(here.run)}": found(_config_map(here)),
                   f"{served_at}/one-2-1.json.gz": Answer(200, packing.packed(in_volume))}
    told: list[str] = []
    assert list(records.read(transport, "lab", "one", told.append)[1]) == [here, away, in_volume]
    assert told == ["1 of 4 ended runs have no record (any more), so they are left out: one-1-3"]


def test_a_record_that_moved_since_the_list_was_read_is_found_where_it_is_now(api: FakeApi,
                                                                             transport: Transport) -> None:
    moved, lost = _record(1, 1), _record(1, 2)
    served_at = "/api/v1/namespaces/sys/services/shapebench:9090/proxy/records/lab/one/u"
    own = "/apis/shapebench.dev/v1alpha1/namespaces/lab"
    # When the user's command began there was no store: not even the Benchmark said where its records would be.
    api.answers = [found(_benchmark({})), found({"items": [_run(moved), _run(lost)]}),
                   found(_benchmark({}) | {"status": {"recordsPath": served_at}})]
    api.by_path = {f"{own}/benchmarkruns/{moved.run}": found(_run(moved, "file:///results/lab/one/u/one-1-1.json.gz")),
                   f"{own}/benchmarkruns/{lost.run}": status(404),
                   f"/api/v1/namespaces/lab/configmaps/{keys.record_name(moved.run)}": status(404),
                   f"/api/v1/namespaces/lab/configmaps/{keys.record_name(lost.run)}": status(404),
                   f"{served_at}/one-1-1.json.gz": Answer(200, packing.packed(moved))}
    told: list[str] = []
    assert list(records.read(transport, "lab", "one", told.append)[1]) == [moved]
    assert told == ["1 of 2 ended runs have no record (any more), so they are left out: one-1-2"]


def test_of_many_lost_records_some_are_named(api: FakeApi, transport: Transport) -> None:
    ran = [_record(1, position) for position in range(1, 41)]
    api.answers = [found(_benchmark({})), found({"items": [*map(_run, ran)]})]
    api.by_path = {f"/api/v1/namespaces/lab/configmaps/{keys.record_name(one.run)}": status(404) for one in ran}
    told: list[str] = []
    assert list(records.read(transport, "lab", "one", told.append)[1]) == []
    [line] = told
    assert line.startswith("40 of 40 ended runs have no record")
    assert line.endswith("one-1-9, one-1-10 and 30 more")


@pytest.mark.parametrize(("url", "words"), [
    pytest.param("", "at s3://before/lab/one/u/one-1-1.json.gz, and no results store is set now", id="unset"),
    pytest.param("memory://now", "and the results store is now memory://now: set results.url", id="changed"),
])
def test_a_record_in_another_store_is_not_a_missing_one(transport: Transport, url: str, words: str) -> None:
    def body(store: str) -> dict[str, Any]:
        return {"metadata": {"namespace": "lab", "name": "one-1-1"},
                "status": {"record": f"{store}/lab/one/u/one-1-1.json.gz"}}

    cluster = KubeCluster(transport, "", results=Keeper(url, stores.opened(url)) if url else None)
    with pytest.raises(stores.OtherStoreError, match=words):
        records.of_run(cluster, body("s3://before"))
    if url:
        assert records.of_run(cluster, body(url)) is None


@pytest.mark.parametrize(("status_of_benchmark", "answer", "words"), [
    pytest.param({}, Answer(), "its Service is not known: copy the folder here and give it with --from", id="unknown"),
    pytest.param({"recordsPath": "/api/v1/namespaces/sys/services/shapebench:9090/proxy/records/lab/one/u"},
                 status(403, "Forbidden", "no"), "get on services/proxy, name shapebench:9090, in namespace sys",
                 id="no-right"),
])
def test_a_volume_out_of_reach_says_what_is_missing(api: FakeApi, transport: Transport, words: str, answer: Answer,
                                                    status_of_benchmark: dict[str, str]) -> None:
    run = _run(_record(1, 1), "file:///not/mounted/here/lab/one/u/one-1-1.json.gz")
    api.answers = [found(_benchmark({}) | {"status": status_of_benchmark}), found({"items": [run]}), answer]
    with pytest.raises(errors.KubeError, match=words):
        list(records.read(transport, "lab", "one", print)[1])


def test_no_such_benchmark(api: FakeApi, transport: Transport) -> None:
    api.answers = [status(404)]
    with pytest.raises(errors.GoneError, match="no Benchmark one in namespace lab"):
        records.read(transport, "lab", "one", print)
