"""The cluster of a parameter-server training: who serves what at which address, and who coordinates.

Worker 0 coordinates, and computes steps as well: its TensorFlow server is in the coordinating process. Its address in
TF_CONFIG is where the other tasks report (lifeline.py); its TensorFlow server takes a free port, which TensorFlow tells
the others. All others are plain TensorFlow servers at their addresses in TF_CONFIG.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from shapebench_jobs.harness.run import Run, note
from shapebench_jobs.tf.cluster import ROLE_PARAMETER_SERVER, ROLE_WORKER, Cluster
from shapebench_jobs.train import lifeline

_COORDINATOR = "chief"
"""TensorFlow's own name for it."""
LOST_EXIT_CODE = 1


def serve(tf: Any, cluster: Cluster, run: Run) -> None:
    """Hold variables, or compute steps, until the coordinator is done or gone. Its clock is ours."""
    _server(tf, {role: list(tasks) for role, tasks in cluster.addresses}, cluster.role, cluster.index)
    words = lifeline.follow(cluster.tasks(ROLE_WORKER)[0], _name(cluster.role, cluster.index))
    note(f"{_name(cluster.role, cluster.index)} serves worker 0")
    for word in words:
        if word == lifeline.STARTED:
            with run.measured():
                next((word for word in words if word == lifeline.FINISHED), None)
    note("worker 0 is done or gone: this task ends")


def meet(tf: Any, cluster: Cluster) -> tuple[Any, lifeline.Leader]:
    """The strategy, once all tasks serve, and the line to them. Only worker 0 may call this."""
    workers, servers = cluster.tasks(ROLE_WORKER), cluster.tasks(ROLE_PARAMETER_SERVER)
    host, _, port = workers[0].rpartition(":")
    leader = lifeline.Leader(int(port))
    own = _server(tf, {ROLE_WORKER: ["localhost:0"]}, ROLE_WORKER, 0)
    leader.meet({_name(ROLE_WORKER, index) for index in range(1, len(workers))}
                | {_name(ROLE_PARAMETER_SERVER, index) for index in range(len(servers))})
    leader.watch(_lost)
    together = {
        ROLE_WORKER: [f"{host}:{own.target.rpartition(':')[2]}", *workers[1:]],
        ROLE_PARAMETER_SERVER: list(servers),
        _COORDINATOR: [f"{host}:{_free_port()}"],
    }
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(together), task_type=_COORDINATOR, task_id=0, rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver), leader


def _server(tf: Any, cluster: dict[str, list[str]], role: str, index: int) -> Any:
    """A TensorFlow server that answers until the process ends: nothing waits for it."""
    options = tf.compat.v1.ConfigProto()
    # With fewer threads than callers, a step could wait for one that waits for it.
    workers = len(cluster[ROLE_WORKER])
    options.inter_op_parallelism_threads = max(workers + 1, int(os.environ.get("TF_NUM_INTEROP_THREADS", "2")))
    options.intra_op_parallelism_threads = int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0"))
    return tf.distribute.Server(tf.train.ClusterSpec(cluster), job_name=role, task_index=index, protocol="grpc",
                                config=options, start=True)


def _lost(name: str) -> None:
    """TensorFlow would wait for it to come back; a gang ends whole."""
    note(f"error: {name} is gone before the training ended")
    os._exit(LOST_EXIT_CODE)


def _name(role: str, index: int) -> str:
    return f"{role} {index}"


def _free_port() -> int:
    with socket.create_server(("", 0)) as found:
        return int(found.getsockname()[1])
