"""The TensorFlow side of a cluster: TF_CONFIG, threads that fit the worker's CPU, versions.

TensorFlow itself is a parameter of everything that needs it, because importing it takes seconds and starts threads: the
program does that once, after its arguments are known to be good.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from shapebench_jobs.harness.run import ENV_CPU, BadArgumentsError

ENV_TF_CONFIG = "TF_CONFIG"
ROLE_CHIEF, ROLE_WORKER, ROLE_PARAMETER_SERVER = "chief", "worker", "ps"
_TRAINING_ROLES = (ROLE_CHIEF, ROLE_WORKER)


@dataclass(frozen=True)
class Cluster:
    """Who works together, as TF_CONFIG tells it."""

    workers: int
    """Tasks that train: the chief, where there is one, and the workers."""
    role: str
    index: int
    addresses: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Role and host:port of its tasks, in TF_CONFIG's order; empty when alone."""

    def tasks(self, role: str) -> tuple[str, ...]:
        """host:port of each task of a role."""
        return dict(self.addresses).get(role, ())

    @property
    def first(self) -> bool:
        """Whether this is the first task that trains: the chief, else worker 0."""
        leader = ROLE_CHIEF if self.tasks(ROLE_CHIEF) else ROLE_WORKER
        return (self.role, self.index) == (leader, 0)


def parse_tf_config(text: str) -> Cluster:
    """The cluster that TF_CONFIG describes; alone where it is empty. BadArgumentsError when it makes no sense."""
    if not text.strip():
        return Cluster(1, ROLE_WORKER, 0)
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        addresses = tuple((str(role), tuple(map(str, tasks))) for role, tasks in cluster.items())
        role, index = str(task.get("type", ROLE_WORKER)), int(task.get("index", 0))
    except (ValueError, TypeError, AttributeError) as error:
        raise BadArgumentsError(f"{ENV_TF_CONFIG} is no valid cluster description: {error}") from error
    found = Cluster(1, role, index, addresses)
    listed = len(found.tasks(role))
    if cluster and not 0 <= index < listed:
        raise BadArgumentsError(f"{ENV_TF_CONFIG} says this is {role} {index}, but lists {listed} of them")
    workers = sum(len(found.tasks(training)) for training in _TRAINING_ROLES)
    return Cluster(max(1, workers), role, index, addresses)


def threads(environ: Mapping[str, str]) -> int:
    """How many threads to compute with: the worker's CPU rounded up, or 0 (TensorFlow decides) where it is not told.

    TensorFlow counts the machine's cores, not the container's share: more threads than that are throttled.
    """
    text = environ.get(ENV_CPU, "")
    if not text:
        return 0
    try:
        cpu = float(text)
    except ValueError:
        cpu = math.nan
    if not 0 < cpu < math.inf:
        raise BadArgumentsError(f"{ENV_CPU}={text!r} is no number of cores: give for example 0.5 or 2")
    return math.ceil(cpu)


def import_tensorflow(count: int, environ: MutableMapping[str, str] = os.environ) -> Any:
    """Import TensorFlow with so many threads (0: its own choice), quietly, unless the environment says otherwise."""
    environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if count:
        environ.setdefault("OMP_NUM_THREADS", str(count))
        environ.setdefault("TF_NUM_INTRAOP_THREADS", str(count))
        # One thread alone could wait for a collective that only it could serve.
        environ.setdefault("TF_NUM_INTEROP_THREADS", str(max(2, count)))
    import tensorflow as tf

    return tf


def environment(tf: Any, strategy_name: str, strategy: Any, cluster: Cluster) -> dict[str, str]:
    """Versions, strategy, devices and threads."""
    return {
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
        "strategy": strategy_name,
        "replicas_in_sync": str(strategy.num_replicas_in_sync),
        "workers": str(cluster.workers),
        "parameter_servers": str(len(cluster.tasks(ROLE_PARAMETER_SERVER))),
        "devices": " ".join(device.name for device in tf.config.list_logical_devices()),
        "intra_op_threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "default"),
        "inter_op_threads": os.environ.get("TF_NUM_INTEROP_THREADS", "default"),
    }
