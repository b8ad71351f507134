"""The thread that sends finished runs: endpoints that are down, slow, busy, broken or unwilling, and a real one."""

from __future__ import annotations

import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ports
import pytest
from prometheus import receiver as receiving
from prometheus import server
from prometheus.lab import Study
from prometheus.receiver import Answer, Receiver
from prometheus.server import Prometheus
from prometheus_client import CollectorRegistry

from shapebench.api import keys, packing
from shapebench.api.streamed import StreamedRecord
from shapebench.handlers.queue import Pace
from shapebench.handlers.remote_metrics import RemoteMetrics
from shapebench.handlers.remote_writer import RemoteWriter
from shapebench.kube import errors
from shapebench.kube.finished_runs import is_unsent
from shapebench.remote_write.endpoint import Endpoint, Target
from shapebench.remote_write.run import Choice, FinishedRun

NAMESPACE = "lab"
QUICK = Pace(first_retry_s=0.05, longest_retry_s=0.2)


class Runs:
    """The finished runs of a cluster, as the writer sees them: marks are kept where they would be, on the objects."""

    def __init__(self, runs: list[FinishedRun]) -> None:
        self._runs = {run.record.run: run for run in runs}
        self._uids = {run.record.run: f"uid-of-{run.record.run}" for run in runs}
        self.marks: dict[str, str] = {}
        self.warnings: list[str] = []
        self.broken = False

    def bodies(self) -> list[dict[str, Any]]:
        return [{"kind": "BenchmarkRun", "status": {"phase": "Succeeded"}, "spec": {"benchmark": run.record.benchmark},
                 "metadata": {"namespace": NAMESPACE, "name": name, "uid": self._uids[name], "annotations": {
                     keys.ANNOTATION_REMOTE_WRITE: self.marks[name]} if name in self.marks else {}}}
                for name, run in self._runs.items()]

    def unsent(self, namespace: str, name: str, uid: str) -> FinishedRun | None:
        self._fail()
        body = next((one for one in self.bodies() if one["metadata"]["uid"] == uid), None)
        return self._runs[name] if body and is_unsent(body) else None

    def mark(self, namespace: str, name: str, uid: str, text: str) -> None:
        self._fail()
        if uid in self._uids.values():
            self.marks[name] = text

    def warn(self, namespace: str, benchmark: str, reason: str, message: str) -> None:
        self._fail()
        self.warnings.append(message)

    def delete(self, name: str) -> dict[str, Any]:
        (body,) = (one for one in self.bodies() if one["metadata"]["name"] == name)
        del self._runs[name], self._uids[name]
        return body

    def make(self, run: FinishedRun) -> dict[str, Any]:
        name = run.record.run
        self._runs[name], self._uids[name] = run, f"uid-of-the-new-{name}"
        (body,) = (one for one in self.bodies() if one["metadata"]["name"] == name)
        return body

    def _fail(self) -> None:
        if self.broken:
            raise errors.UnavailableError("cannot get benchmarkruns: no route to host")


class Process:
    """An operator's writer, from its start to its end."""

    def __init__(self, runs: Runs, url: str, **target: Any) -> None:
        self.registry = CollectorRegistry()
        self._runs = runs
        endpoint = Endpoint(Target(url, **{"timeout_s": 30, **target}))
        self.writer = RemoteWriter(runs, endpoint.post, Choice(), RemoteMetrics(self.registry, time.monotonic), QUICK)

    def __enter__(self) -> Process:
        self.writer.start()
        for body in self._runs.bodies():
            self.writer.saw(None, body)
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.stop(timeout_s=5)

    def value(self, name: str, **labels: str) -> float:
        found = self.registry.get_sample_value(f"shapebench_remote_write_{name}", labels)
        assert found is not None
        return found


@pytest.fixture
def runs(study: Study) -> Runs:
    return Runs(list(study.finished))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(ports.free(1)[0])


@pytest.fixture
def up(receiver: Receiver) -> Iterator[Receiver]:
    with receiving.listening(receiver):
        yield receiver


def all_marked(runs: Runs) -> Callable[[], bool]:
    return lambda: len(runs.marks) == len(runs.bodies())


def test_each_run_is_sent_once_and_marked(runs: Runs, up: Receiver) -> None:
    with Process(runs, up.url) as process:
        server.until(all_marked(runs), "not all are marked")
        for body in runs.bodies():  # what the marks themselves cause
            process.writer.saw("MODIFIED", body)
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        assert process.value("runs_total", result="sent") == 4
        assert process.value("samples_total", result="sent") > 500
        assert process.value("samples_total", result="dropped") == process.value("failing_seconds") == 0
    assert set(runs.marks.values()) == {"sent"}
    assert len({one.body for one in up.asked}) == len(up.asked)
    headers = {name.lower(): value for name, value in up.asked[0].headers.items()}
    assert headers["content-encoding"] == "snappy"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert headers["user-agent"].startswith("shapebench/")


def test_an_endpoint_that_is_down_is_waited_for(runs: Runs, receiver: Receiver) -> None:
    with Process(runs, receiver.url) as process:
        server.until(lambda: process.value("retries_total", reason="unreachable") >= 3, "it is not tried again")
        assert (process.value("pending_runs"), process.value("failing_seconds") > 0) == (4, True)
        with receiving.listening(receiver):
            server.until(all_marked(runs), "not sent when it came back")
            assert process.value("failing_seconds") == 0
    assert set(runs.marks.values()) == {"sent"}


@pytest.mark.parametrize(("answer", "reason"), [
    pytest.param(Answer(500, "oh"), "server", id="500"), pytest.param(Answer(503), "server", id="503"),
    pytest.param(Answer(429), "busy", id="429"),
    pytest.param(Answer(302, headers={"Location": "http://127.0.0.1:1/"}), "server", id="redirected")])
def test_trouble_passes(runs: Runs, up: Receiver, answer: Answer, reason: str) -> None:
    up.script = [answer] * 2
    with Process(runs, up.url) as process:
        server.until(all_marked(runs), "not sent after the trouble")
        assert process.value("retries_total", reason=reason) == 2
        assert process.value("runs_total", result="sent") == 4


def test_a_slow_endpoint_is_tried_again(runs: Runs, up: Receiver) -> None:
    """A busy machine may be slow, too."""
    up.script = [Answer(after_s=2)] * 2
    with Process(runs, up.url, timeout_s=0.5) as process:
        server.until(all_marked(runs), "not sent after the trouble")
        assert process.value("retries_total", reason="timeout") >= 2
        assert process.value("runs_total", result="sent") == 4


def test_what_was_sent_of_a_long_run_is_not_sent_again(long_study: Study, up: Receiver) -> None:
    """Of several requests only the one that failed comes twice."""
    runs = Runs([next(long_study.finished)])
    up.script = [Answer(), Answer(), Answer(500)]
    with Process(runs, up.url):
        server.until(all_marked(runs), "not sent")
    bodies = [one.body for one in up.asked]
    assert len(bodies) > 5
    assert len(bodies) - len(set(bodies)) == 1
    assert bodies[2] == bodies[3]


def test_nothing_waits_for_a_slow_endpoint(runs: Runs, up: Receiver) -> None:
    """The operator's threads hand over a name; that is all."""
    up.usual = Answer(let=threading.Event())
    with Process(runs, up.url) as process:
        server.until(lambda: len(up.asked) == 1, "it is not asked")
        for _ in range(1000):
            for body in runs.bodies():
                process.writer.saw("MODIFIED", body)
        assert process.value("pending_runs") == 4
        assert (runs.marks, len(up.asked)) == ({}, 1)
        up.usual.let.set()


def test_retry_after_is_honoured(runs: Runs, up: Receiver) -> None:
    up.script = [Answer(429, headers={"Retry-After": "1"})]
    with Process(runs, up.url):
        server.until(all_marked(runs), "not sent")
    first, second, *_ = up.asked
    assert second.at_s - first.at_s >= 1


@pytest.mark.parametrize(("answer", "requests", "words"), [
    pytest.param(Answer(400, "out of bounds"), 4, "storage.tsdb.out_of_order_time_window", id="400"),
    pytest.param(Answer(401, "who are you"), 4, "remoteWrite.basicAuthSecret", id="401"),
    pytest.param(Answer(404), 4, "--web.enable-remote-write-receiver", id="404")])
def test_what_is_refused_is_dropped_counted_and_said(
        runs: Runs, up: Receiver, answer: Answer, requests: int, words: str) -> None:
    up.usual = answer
    with Process(runs, up.url) as process:
        server.until(all_marked(runs), "not given up")
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        assert len(up.asked) == requests
        assert process.value("runs_total", result="dropped") == 4
        assert process.value("samples_total", result="dropped") > 500
    assert all(mark.startswith(f"dropped: HTTP {answer.status}") for mark in runs.marks.values())
    (warning,) = set(runs.warnings)
    assert words in warning
    assert re.search(r"annotate benchmarkruns -l shapebench.dev/benchmark=\S+ shapebench.dev/remote-write-", warning)


def test_a_run_in_the_row_that_is_deleted_is_forgotten(runs: Runs, receiver: Receiver) -> None:
    with Process(runs, receiver.url) as process:
        server.until(lambda: process.value("retries_total", reason="unreachable") >= 1, "it is not tried")
        for body in runs.bodies():
            process.writer.saw("DELETED", runs.delete(body["metadata"]["name"]))
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        server.until(lambda: process.value("failing_seconds") == 0, "it says that it fails")
        assert process.value("runs_total", result="gone") == 4


def test_a_run_that_is_made_anew_while_it_is_sent_is_another_one(runs: Runs, study: Study, up: Receiver) -> None:
    """The endpoint is slow, and meanwhile its user deletes the Benchmark and applies it again."""
    first, *others = study.finished
    for other in others:
        runs.delete(other.record.run)
    up.script = [Answer(let=threading.Event())]
    (slow,) = up.script
    with Process(runs, up.url) as process:
        server.until(lambda: len(up.asked) == 1, "it is not asked")
        process.writer.saw("DELETED", runs.delete(first.record.run))
        body = runs.make(first)
        process.writer.saw("ADDED", body | {"status": {"phase": "Running"}})
        slow.let.set()
        time.sleep(1)
        assert (runs.marks, len(up.asked)) == ({}, 1)
        process.writer.saw("MODIFIED", body)
        server.until(all_marked(runs), "the new one is not sent")
        assert [one.body for one in up.asked] == [up.asked[0].body] * 2
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        assert (process.value("runs_total", result="gone"), process.value("runs_total", result="sent")) == (1, 1)


def test_a_cluster_that_does_not_answer_is_waited_for(runs: Runs, up: Receiver) -> None:
    runs.broken = True
    with Process(runs, up.url) as process:
        server.until(lambda: process.value("retries_total", reason="cluster") >= 2, "it is not tried again")
        assert up.asked == []
        runs.broken = False
        server.until(all_marked(runs), "not sent")


def test_a_run_without_a_readable_record_is_not_tried_for_ever(runs: Runs, up: Receiver) -> None:
    def unreadable(namespace: str, name: str, uid: str) -> FinishedRun | None:
        raise ValueError("the run left no record")

    runs.unsent = unreadable  # type: ignore[method-assign]
    with Process(runs, up.url) as process:
        server.until(all_marked(runs), "not given up")
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        assert process.value("runs_total", result="dropped") == 4
    (mark,), (warning,) = set(runs.marks.values()), set(runs.warnings)
    assert mark == "dropped: not sent this time, its record cannot be read: the run left no record"
    assert "the annotation shapebench.dev/remote-write of each run says why" in warning
    assert "lost" not in warning, "they may have been sent before, and marked anew by somebody"


def test_a_record_that_is_damaged_on_its_way_is_dropped_before_any_of_it_is_sent(study: Study, up: Receiver) -> None:
    first, *others = study.finished
    damaged = StreamedRecord(packing.packed(first.record)[:-100])
    runs = Runs([replace(first, pods=damaged), *others])
    with Process(runs, up.url) as process:
        server.until(all_marked(runs), "not all are marked")
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        assert process.value("runs_total", result="dropped") == 1
        assert process.value("runs_total", result="sent") == 3
    assert runs.marks[first.record.run].startswith("dropped: not sent this time, its record cannot be read: not")
    assert len(up.asked) == 3


def test_a_run_that_left_nothing_to_send_is_not_said_to_be_sent(study: Study, up: Receiver) -> None:
    """It never started, or its pods' records were left out."""
    first, *others = study.finished
    runs = Runs([replace(first, pods=()), *others])
    with Process(runs, up.url) as process:
        server.until(all_marked(runs), "not all are marked")
        server.until(lambda: process.value("pending_runs") == 0, "some are pending")
        assert process.value("runs_total", result="empty") == 1
        assert process.value("runs_total", result="sent") == 3
    assert runs.marks.pop(first.record.run).startswith("nothing to send: ")
    assert set(runs.marks.values()) == {"sent"}
    assert runs.warnings == []


@pytest.mark.parametrize(("files", "expected"), [
    pytest.param({"username": "a", "password": "b\n"}, "Basic YTpi", id="basic"),
    pytest.param({"token": "t\n"}, "Bearer t", id="bearer")])
def test_credentials_are_read_anew(
        runs: Runs, up: Receiver, tmp_path: Path, files: dict[str, str], expected: str) -> None:
    """They may come later than the operator, and change."""
    with Process(runs, up.url, credentials=tmp_path, headers={"X-Scope-OrgID": "team"}) as process:
        server.until(lambda: process.value("retries_total", reason="unreachable") >= 1, "sent without credentials")
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        server.until(all_marked(runs), "not sent")
    assert {one.headers["Authorization"] for one in up.asked} == {expected}
    assert up.asked[0].headers["X-Scope-OrgID"] == "team"


def test_an_authority_of_ones_own(runs: Runs, tmp_path: Path) -> None:
    """Not trusted unless it is given: nothing is sent to whoever answers."""
    certificate, key = tmp_path / "ca.crt", tmp_path / "key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key],
                   check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with receiving.listening(Receiver(ports.free(1)[0], tls)) as receiver:
        with Process(runs, receiver.url) as process:
            server.until(lambda: process.value("retries_total", reason="unreachable") >= 1, "it is not tried")
        assert receiver.asked == []
        with Process(runs, receiver.url, ca_file=certificate):
            server.until(all_marked(runs), "not sent")


def test_a_restart_in_the_middle_resumes(runs: Runs, prometheus: Prometheus, receiver: Receiver) -> None:
    """The first process dies in the middle of the third run; what it sent twice then is there once."""
    receiver.script = [Answer(), Answer(), Answer(500)]
    receiver.usual = Answer(500)
    with receiving.listening(receiver), Process(runs, receiver.url) as first:
        server.until(lambda: first.value("retries_total", reason="server") >= 1, "it was not in the way")
    sent = set(runs.marks)
    assert len(sent) == 2
    with Process(runs, prometheus.write_url) as second:
        server.until(all_marked(runs), "the rest is not sent")
        assert second.value("runs_total", result="sent") == 2
        assert second.value("runs_total", result="dropped") == 0
    assert set(runs.marks.values()) == {"sent"}


def test_the_thread_ends_when_asked(runs: Runs, receiver: Receiver) -> None:
    with Process(runs, receiver.url):
        pass
    assert "remote-writer" not in {one.name for one in threading.enumerate() if one.is_alive()}
