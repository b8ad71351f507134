"""The results store in a real S3 server: what the operator writes, what it says when it cannot, what users read."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import s3_server
from prometheus_client import CollectorRegistry
from s3_server import S3Server, User
from typer.testing import CliRunner

from shapebench.api import packing, places
from shapebench.api.record import Cell, Phase, RunRecord, Times, Verdict
from shapebench.cli import app
from shapebench.handlers.queue import Pace
from shapebench.handlers.record_mover import RecordMover
from shapebench.results import stores
from shapebench.results.keeper import Keeper
from shapebench.results.stores import StoreError

BUCKET = "results"
URL = f"s3://{BUCKET}/team a"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server.running(tmp_path_factory.mktemp("results") / "server") as running:
        running.make_bucket(BUCKET)
        yield running


@pytest.fixture
def become(server: S3Server, monkeypatch: pytest.MonkeyPatch):
    """Credentials come from the environment, as the chart's Secret and a user's shell give them."""
    def become(user: User, url: str = "") -> None:
        for name, value in {**server.environ(user), **({"AWS_ENDPOINT_URL": url} if url else {})}.items():
            monkeypatch.setenv(name, value)
    become(server.owner)
    return become


def record(block: int, position: int) -> RunRecord:
    return RunRecord(benchmark="read", namespace="lab", run=f"read-{block}-{position}", backend="kubernetes",
                     cell=Cell(shape="4x1"), workers=4, cpu=1, memory_bytes=1, block=block, repetition=block,
                     position=position, attempt=1, phase=Phase.SUCCEEDED, verdict=Verdict.VALID, times=Times(),
                     duration_s=2.0)


def path(one: RunRecord) -> str:
    return places.record(one.namespace, one.benchmark, "8f1c-uid", one.run)


def keep(one: RunRecord, timeout_s: float = 30.0) -> tuple[Keeper, str]:
    keeper = Keeper(URL, stores.opened(URL), timeout_s=timeout_s)
    return keeper, keeper.keep(path(one), lambda: packing.packed(one))


def test_a_record_is_kept_once_and_comes_back_whole(become, server: S3Server) -> None:
    keeper, url = keep(record(1, 1))
    assert url == f"{URL}/lab/read/8f1c-uid/read-1-1.json.gz"
    assert keep(record(1, 1))[1] == url
    assert packing.unpacked(keeper.read(url) or b"") == record(1, 1)
    assert keeper.read(url.replace("1-1", "9-9")) is None
    listed = [one["path"] for chunk in server.store(BUCKET).list("team a") for one in chunk]
    assert listed == ["team a/lab/read/8f1c-uid/read-1-1.json.gz"]


@pytest.mark.parametrize("arguments", [
    pytest.param(("read", "-n", "lab", "--from", URL), id="name"),
    pytest.param((f"{URL}/lab/read",), id="folder"),
    pytest.param((f"s3://{BUCKET}",), id="bucket"),
])
def test_a_user_who_may_read_the_bucket_exports_from_it(become, server: S3Server, tmp_path: Path,
                                                        arguments: tuple[str, ...]) -> None:
    for one in (record(1, 1), record(1, 2), record(1, 10)):
        keep(one)
    become(server.reader)
    done = CliRunner().invoke(app, ["export", *arguments, "--output", str(tmp_path), "--what", "runs"])
    assert done.exit_code == 0, done.output
    rows = [line.split(",")[:2] for line in (tmp_path / "runs.csv").read_text().splitlines()]
    assert rows[1:] == [["read", "4x1"]] * 3


@pytest.mark.parametrize(("user", "words"), [
    pytest.param(lambda server: server.reader, "access is denied to these credentials", id="may-only-read"),
    pytest.param(lambda server: server.outsider, "access is denied to these credentials", id="may-nothing"),
    pytest.param(lambda server: User(server.owner.key), "the secret key is wrong", id="wrong-secret"),
    pytest.param(lambda server: User("nobody"), "the store does not know the access key", id="unknown-key"),
])
def test_wrong_credentials_are_told_without_quoting_them(become, server: S3Server, user, words: str) -> None:
    somebody = user(server)
    become(somebody)
    with pytest.raises(StoreError, match=words) as refused:
        keep(record(2, 1))
    assert somebody.secret not in str(refused.value)
    assert somebody.key not in str(refused.value)


def test_a_bucket_that_is_not_there_is_told(become) -> None:
    with pytest.raises(StoreError, match="there is no such bucket"):
        stores.opened("s3://nowhere/x").write("a/b", b"x")


def test_a_server_that_is_away_is_given_up_in_seconds(become, server: S3Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        become(server.owner, f"http://127.0.0.1:{free.getsockname()[1]}")
    begun = time.monotonic()
    with pytest.raises(StoreError, match=r"cannot write s3://results/.*error sending request") as refused:
        keep(record(2, 1))
    assert "Debug" not in str(refused.value)
    assert time.monotonic() - begun < 20


def test_a_server_that_accepts_and_says_nothing_is_given_up(become, server: S3Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        become(server.owner, f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        with pytest.raises(StoreError, match="does not answer within 1 s"):
            keep(record(2, 1), timeout_s=1.0)
        assert time.monotonic() - begun < 5


def test_a_record_that_was_kept_elsewhere_is_taken_over_once_the_bucket_is_there(become, server: S3Server) -> None:
    later = "s3://later/team"
    keeper = Keeper(later, stores.opened(later), clock=itertools.count(step=100).__next__)
    registry = CollectorRegistry()

    class Held:
        def move(self, namespace: str, name: str) -> str:
            return keeper.take_over(path(record(3, 1)), packing.packed(record(3, 1)))

    def moves(result: str) -> float:
        return registry.get_sample_value("shapebench_results_moves_total", {"result": result}) or 0.0

    def until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    mover = RecordMover(Held(), registry, away=Pace(first_retry_s=0.2, longest_retry_s=0.2))
    metadata = {"namespace": "lab", "name": "read-3-1", "uid": "1"}
    mover.saw(None, {"metadata": metadata, "status": {"phase": "Succeeded"}})
    mover.start()
    try:
        until(lambda: moves("failed") >= 1)
        server.make_bucket("later")
        until(lambda: moves("done") == 1)
    finally:
        mover.stop()
    assert packing.unpacked(keeper.read(places.url(later, path(record(3, 1)))) or b"") == record(3, 1)
    (family,) = keeper.writes.collect()
    assert {one.value for one in family.samples if one.name.endswith("_total")} == {0.0}, "they count runs' ends"


def test_without_credentials_it_says_that_there_are_none(server: S3Server) -> None:
    """In processes of their own, since the library keeps what it found of the environment. Several at once: a busy
    machine is where a library's threads outlive the interpreter and abort a program that ended right after its call."""
    code = ("from shapebench.results import stores\n"
            "try: stores.opened('s3://results/x').write('a', b'x')\n"
            "except stores.StoreError as error: print(error)")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator"),
               "AWS_ENDPOINT_URL": server.url, "AWS_REGION": "us-east-1"}
    programs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environ)
                for _ in range(24)]
    for program in programs:
        said, _ = program.communicate(timeout=60)
        assert program.returncode == 0
        assert "cannot write s3://results/x/a: there are no credentials" in said
