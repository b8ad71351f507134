"""TensorFlow on this machine: the gang's processes, each with TF_CONFIG, meet on loopback ports."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from shapebench.api import quantity, wire
from shapebench.build import tensorflow as build_tensorflow
from shapebench.local.context import Attempt
from shapebench.local.gang import Member

_HOST = "127.0.0.1"


def gang(attempt: Attempt) -> tuple[Member, ...]:
    """Workers and parameter servers; each awaits the others' agents before its program starts."""
    workload = attempt.benchmark.spec.workload.tensorflow
    assert workload is not None  # the table in attempt.py
    tasks = build_tensorflow.tasks(workload, attempt.run.shape.workers)
    ports = free_ports(2 * len(tasks))
    servers = {task: f"{_HOST}:{port}" for task, port in zip(tasks, ports[:len(tasks)], strict=True)}
    agents = dict(zip(tasks, ports[len(tasks):], strict=True))
    program = build_tensorflow.program(workload, attempt.arguments())
    threads = str(quantity.task_slots(attempt.cpu))
    return tuple(attempt.member(role, index, program, {
        "TF_CONFIG": build_tensorflow.tf_config(servers, (role, index)),
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        wire.ENV_METRICS_PORT: str(agents[role, index]),
        wire.ENV_AWAIT: ",".join(f"{_HOST}:{port}" for task, port in agents.items() if task != (role, index)),
        wire.ENV_FOLLOW: f"{_HOST}:{agents[build_tensorflow.LEADER]}" if role == wire.ROLE_PARAMETER_SERVER else "",
    }) for role, index in tasks)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now. Somebody may take one before we do; then the run fails and says so."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
