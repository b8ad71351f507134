"""train in gangs: real processes that meet over loopback, and how each strategy's gang ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ports
import pytest

from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.tf import strategy as tf_strategy
from shapebench_jobs.tf.cluster import Cluster, parse_tf_config
from shapebench_jobs.tf.strategy import Duty
from shapebench_jobs.train import job as train
from shapebench_jobs.train import lifeline

from .conftest import SMALL_OPTIONS, read_events

pytestmark = pytest.mark.timeout(400)

Start = Callable[..., "subprocess.Popen[str]"]
TINY_OPTIONS = ("--images=16", "--image-size=16", "--classes=2", "--seed=3", "--shards=4", "--batch-size=12",
                "--epochs=4")
"""3 images to judge by and 13 to train with, whose second step has one image for two workers."""


def _gang(start: Start, folder: Path, data_dir: Path, roles: Sequence[str],
          *options: str) -> list[subprocess.Popen[str]]:
    """One process for each role, such as worker0 or ps0."""
    addresses = {role: f"127.0.0.1:{port}" for role, port in zip(roles, ports.free(len(roles)), strict=True)}
    cluster: dict[str, list[str]] = {}
    for role, address in addresses.items():
        cluster.setdefault(role[:-1], []).append(address)
    return [start("train", *TINY_OPTIONS, *options, SHAPEBENCH_CPU="1", SHAPEBENCH_DATA_DIR=str(data_dir),
                  SHAPEBENCH_EVENTS_FILE=str(folder / role),
                  TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": role[:-1], "index": int(role[-1])}}))
            for role in roles]


def _join(processes: Sequence[subprocess.Popen[str]]) -> None:
    said = [process.communicate(timeout=380)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said


def test_two_workers_train_one_model_with_an_uneven_end(start: Start, tmp_path: Path, data_dir: Path) -> None:
    """Nobody hangs where one worker has no image left; every image counts once; weights are equal to the last bit."""
    _join(_gang(start, tmp_path, data_dir, ("worker0", "worker1", "ps0"), "--format=tfrecord"))
    rows = [read_events(tmp_path / f"worker{index}", "measurement") for index in range(2)]
    curves = [[(row["values"]["loss"], row["values"]["validation_loss"]) for row in mine[:-1]] for mine in rows]
    assert curves[0] == curves[1]
    assert {(row["values"]["images"], row["values"]["updates"], row["values"]["validation_images"])
            for row in rows[0][:-1]} == {(13, 2, 3)}
    whole = [mine[-1]["values"] for mine in rows]
    assert whole[0]["final_loss"] == whole[1]["final_loss"] == curves[0][-1][0]
    assert whole[0]["replicas_in_sync"] == 2
    assert whole[0]["weights_crc32"] == whole[1]["weights_crc32"] > 0
    environment = read_events(tmp_path / "worker0", "environment")[0]["values"]
    assert environment["strategy"] == "multi-worker-mirrored"
    assert environment["intra_op_threads"] == "1"
    assert [event["event"] for event in read_events(tmp_path / "ps0")] == ["measured-started", "measured-finished"]


def test_a_parameter_server_s_gang_trains_and_ends(start: Start, tmp_path: Path, data_dir: Path) -> None:
    """Two servers, so that a variable and what the optimizer keeps for it must stay together."""
    roles = ("worker0", "worker1", "ps0", "ps1")
    _join(_gang(start, tmp_path, data_dir, roles, "--strategy=parameter-server", "--batch-size=4"))
    *epochs, whole = read_events(tmp_path / "worker0", "measurement")
    assert {(row["values"]["images"], row["values"]["updates"], row["values"]["validation_images"])
            for row in epochs} == {(16, 4, 3)}
    assert whole["values"]["total_updates"] == 16
    environment = read_events(tmp_path / "worker0", "environment")[0]["values"]
    assert (environment["workers"], environment["parameter_servers"]) == ("2", "2")
    clocks = {role: [event["time_s"] for event in read_events(tmp_path / role) if "time_s" in event] for role in roles}
    for started, finished in clocks.values():
        assert started == pytest.approx(clocks["worker0"][0], abs=5)
        assert finished == pytest.approx(clocks["worker0"][1], abs=5)
    assert read_events(tmp_path / "worker1", "measurement") == []


def test_mirrored_has_a_replica_for_each_virtual_device(start: Start, tmp_path: Path, data_dir: Path) -> None:
    """A process of its own: TensorFlow cuts the CPU into devices once in its life."""
    _join(_gang(start, tmp_path, data_dir, ("worker0",), "--strategy=mirrored", "--virtual-devices=3"))
    *epochs, whole = read_events(tmp_path / "worker0", "measurement")
    assert {(row["values"]["images"], row["values"]["validation_images"]) for row in epochs} == {(13, 3)}
    assert whole["values"]["replicas_in_sync"] == 3


@pytest.mark.parametrize("name", ["none", "one-device", "mirrored"])
@pytest.mark.parametrize(("role", "index"), [("worker", 1), ("ps", 0)])
def test_tasks_without_a_part_say_so_and_end(events_file: Path, monkeypatch: pytest.MonkeyPatch,
                                             capfd: pytest.CaptureFixture[str], name: str, role: str,
                                             index: int) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]},
                                                "task": {"type": role, "index": index}}))
    monkeypatch.setenv("SHAPEBENCH_EVENTS_FILE", str(events_file))
    assert train.main([f"--strategy={name}", *SMALL_OPTIONS]) == 0
    assert f"{role} {index} has nothing to do with --strategy={name}" in capfd.readouterr().err
    started, finished = read_events(events_file)
    assert finished["time_s"] - started["time_s"] < 20, "it waits for nobody"


def _cluster(role: str = "worker", index: int = 0, **tasks: int) -> Cluster:
    described = {name: [f"{name}{number}:1" for number in range(count)] for name, count in tasks.items()}
    return parse_tf_config(json.dumps({"cluster": described, "task": {"type": role, "index": index}}))


@pytest.mark.parametrize(("name", "cluster", "chosen"), [
    pytest.param("auto", _cluster(worker=1), "none", id="auto-alone"),
    pytest.param("auto", _cluster(worker=2), "multi-worker-mirrored", id="auto-two"),
    pytest.param("auto", _cluster(worker=1, chief=1), "multi-worker-mirrored", id="auto-chief"),
    pytest.param("auto", parse_tf_config(""), "none", id="auto-no-cluster"),
    pytest.param("parameter-server", _cluster(worker=1, ps=1), "parameter-server", id="ps-one-worker"),
])
def test_choice(name: str, cluster: Cluster, chosen: str) -> None:
    assert tf_strategy.choose(name, cluster) == chosen


@pytest.mark.parametrize(("name", "cluster", "message"), [
    pytest.param("multi-worker-mirrored", _cluster(worker=1, ps=1), "--strategy=auto", id="one-worker"),
    pytest.param("parameter-server", _cluster(worker=2), "parameterServers: 1", id="no-ps"),
    pytest.param("parameter-server", _cluster(worker=1, chief=1, ps=1), "no chief", id="chief"),
])
def test_refused_choice(name: str, cluster: Cluster, message: str) -> None:
    with pytest.raises(BadArgumentsError, match=f"--strategy={name}.*{message}"):
        tf_strategy.choose(name, cluster)


@pytest.mark.parametrize(("name", "cluster", "duty"), [
    pytest.param("none", _cluster(worker=2), Duty.TRAIN, id="first"),
    pytest.param("none", _cluster(index=1, worker=2), Duty.REST, id="second"),
    pytest.param("none", _cluster(worker=1, chief=1), Duty.REST, id="behind-the-chief"),
    pytest.param("multi-worker-mirrored", _cluster(index=1, worker=2), Duty.TRAIN, id="all-train"),
    pytest.param("multi-worker-mirrored", _cluster("ps", worker=2, ps=1), Duty.REST, id="idle-ps"),
    pytest.param("parameter-server", _cluster(worker=2, ps=1), Duty.TRAIN, id="coordinator"),
    pytest.param("parameter-server", _cluster(index=1, worker=2, ps=1), Duty.SERVE, id="worker-serves"),
    pytest.param("parameter-server", _cluster("ps", worker=2, ps=1), Duty.SERVE, id="ps-serves"),
])
def test_duty(name: str, cluster: Cluster, duty: Duty) -> None:
    assert tf_strategy.duty(name, cluster) is duty


def test_a_lifeline_carries_words_and_ends_with_the_leader() -> None:
    leader = lifeline.Leader(0)
    heard: list[str] = []
    member = threading.Thread(target=lambda: heard.extend(lifeline.follow(f"127.0.0.1:{leader.port}", "ps 0")))
    member.start()
    leader.meet({"ps 0"}, timeout_s=20)
    lost: list[str] = []
    leader.watch(lost.append)
    leader.tell(lifeline.STARTED)
    leader.tell(lifeline.FINISHED)
    leader.close()
    member.join(20)
    assert heard == [lifeline.STARTED, lifeline.FINISHED]
    assert lost == [], "who is let go is not lost"


def test_a_lost_member_is_told() -> None:
    leader = lifeline.Leader(0)
    with socket.create_connection(("127.0.0.1", leader.port)) as stranger, \
            socket.create_connection(("127.0.0.1", leader.port)) as member:
        stranger.sendall(b"GET / HTTP/1.1\n")
        member.sendall(b"worker 1\n")
        leader.meet({"worker 1"}, timeout_s=20)
        told = threading.Event()
        lost: list[str] = []
        leader.watch(lambda name: lost.append(name) or told.set())
    assert told.wait(20)
    assert lost == ["worker 1"]
    leader.close()


def test_who_never_comes_is_named() -> None:
    leader = lifeline.Leader(0)
    with pytest.raises(lifeline.NeverMetError, match=r"ps 0, worker 1 did not come within 0\.1 s"):
        leader.meet({"worker 1", "ps 0"}, timeout_s=0.1)
    leader.close()
    with pytest.raises(lifeline.NeverMetError, match=r"worker 0 at 127\.0\.0\.1:"):
        next(lifeline.follow(f"127.0.0.1:{ports.free(1)[0]}", "ps 0", timeout_s=0.1))


def _wait_for(path: Path, kind: str, processes: Sequence[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        if path.exists() and read_events(path, kind):
            return
        time.sleep(0.1)
    pytest.fail(f"no {kind}: {[process.communicate()[1] for process in processes if process.poll() is not None]}")


@pytest.mark.parametrize("victim", [0, 1], ids=["coordinator", "server"])
def test_no_one_outlives_a_killed_member(start: Start, tmp_path: Path, data_dir: Path, victim: int) -> None:
    """TensorFlow's servers never end, and its coordinator waits for ever for one that is gone."""
    gang = _gang(start, tmp_path, data_dir, ("worker0", "ps0"), "--strategy=parameter-server", "--batch-size=4",
                 "--epochs=100000")
    _wait_for(tmp_path / "worker0", "measured-started", gang)
    os.kill(gang[victim].pid, signal.SIGKILL)
    for process in gang:
        process.communicate(timeout=300)
    assert gang[1 - victim].returncode == (0 if victim == 0 else 1)
