"""The TensorFlow side of a cluster: TF_CONFIG, the strategy, threads that fit the worker's CPU, versions.

TensorFlow itself is a parameter of everything that needs it, because importing it takes seconds and starts threads: the
program does that once, after its arguments are known to be good.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from shapebench_jobs.harness import ENV_CPU, BadArgumentsError

ENV_TF_CONFIG = "TF_CONFIG"
AUTO = "auto"
_TRAINING_ROLES = ("chief", "worker")


@dataclass(frozen=True)
class Cluster:
    """Who trains together, as TF_CONFIG tells it."""

    workers: int
    """Tasks that train: the chief, where there is one, and the workers."""
    role: str
    index: int


def parse_tf_config(text: str) -> Cluster:
    """The cluster that TF_CONFIG describes; alone where it is empty. BadArgumentsError when it makes no sense."""
    if not text.strip():
        return Cluster(1, "worker", 0)
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        workers = sum(len(cluster.get(role, ())) for role in _TRAINING_ROLES)
        role, index = str(task.get("type", "worker")), int(task.get("index", 0))
        listed = len(cluster.get(role, ()))
    except (ValueError, TypeError, AttributeError) as error:
        raise BadArgumentsError(f"{ENV_TF_CONFIG} is no valid cluster description: {error}") from error
    if cluster and not 0 <= index < listed:
        raise BadArgumentsError(f"{ENV_TF_CONFIG} says this is {role} {index}, but lists {listed} of them")
    return Cluster(max(1, workers), role, index)


def _multi_worker(tf: Any) -> Any:
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.AUTO)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def _one_device(tf: Any) -> Any:
    return tf.distribute.OneDeviceStrategy("/gpu:0" if tf.config.list_physical_devices("GPU") else "/cpu:0")


STRATEGIES: dict[str, Callable[[Any], Any]] = {
    "none": lambda tf: tf.distribute.get_strategy(),
    "one-device": _one_device,
    "multi-worker-mirrored": _multi_worker,
}
"""Name to how it is built."""


def choose_strategy(name: str, cluster: Cluster) -> str:
    """A name from STRATEGIES; `auto` is decided by the number of workers."""
    if name != AUTO:
        return name
    return "multi-worker-mirrored" if cluster.workers > 1 else "none"


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
    import keras  # type: ignore[import-untyped]

    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
        "strategy": strategy_name,
        "replicas_in_sync": str(strategy.num_replicas_in_sync),
        "workers": str(cluster.workers),
        "devices": " ".join(device.name for device in tf.config.list_logical_devices()),
        "intra_op_threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "default"),
        "inter_op_threads": os.environ.get("TF_NUM_INTEROP_THREADS", "default"),
    }
