"""How replicas work together: which strategies there are, what each asks of the cluster, and what each task does in it.

A run's gang is the same for every strategy, so that one manifest can compare them on one shape: tasks that a strategy
has no use for end at once, with a good exit code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.tf.cluster import ROLE_CHIEF, ROLE_PARAMETER_SERVER, ROLE_WORKER, Cluster

AUTO = "auto"
NONE = "none"
ONE_DEVICE = "one-device"
MIRRORED = "mirrored"
MULTI_WORKER = "multi-worker-mirrored"
PARAMETER_SERVER = "parameter-server"
NAMES = (NONE, ONE_DEVICE, MIRRORED, MULTI_WORKER, PARAMETER_SERVER)


class Duty(Enum):
    """What a task of the cluster does under a strategy."""

    TRAIN = "train"
    SERVE = "serve"
    """Hold variables or compute steps for the task that trains."""
    REST = "rest"
    """Nothing: the strategy has no use for it."""


@dataclass(frozen=True)
class Devices:
    """What a strategy may be built on. `virtual`: how many parts the CPU is cut into, for `mirrored` without a GPU."""

    virtual: int = 1


def choose(name: str, cluster: Cluster) -> str:
    """A name from NAMES; `auto` is decided by the number of workers. BadArgumentsError where it cannot work here."""
    if name == AUTO:
        return MULTI_WORKER if cluster.workers > 1 else NONE
    if name == MULTI_WORKER and cluster.workers < 2:
        raise BadArgumentsError(f"--strategy={name} needs two workers or more and TF_CONFIG lists one: give the shape "
                                f"more workers, or --strategy={AUTO}, which takes {NONE} on one worker")
    if name == PARAMETER_SERVER and not cluster.tasks(ROLE_PARAMETER_SERVER):
        raise BadArgumentsError(f"--strategy={name} needs a parameter server and TF_CONFIG lists none: set "
                                "workload.tensorflow.parameterServers: 1 (or more)")
    if name == PARAMETER_SERVER and cluster.tasks(ROLE_CHIEF):
        raise BadArgumentsError(f"--strategy={name} has worker 0 as its coordinator: name no chief in TF_CONFIG")
    return name


def duty(name: str, cluster: Cluster) -> Duty:
    """What this task does under the strategy of that name."""
    if name == PARAMETER_SERVER and cluster.role in (ROLE_WORKER, ROLE_PARAMETER_SERVER):
        return Duty.TRAIN if cluster.first else Duty.SERVE
    if name == MULTI_WORKER and cluster.role in (ROLE_CHIEF, ROLE_WORKER):
        return Duty.TRAIN
    return Duty.TRAIN if cluster.first else Duty.REST


def build(tf: Any, name: str, cluster: Cluster, devices: Devices) -> Any:
    """The strategy, for all names but parameter-server. Must come before anything else that TensorFlow computes."""
    return _BUILDERS[name](tf, cluster, devices)


def _one_device(tf: Any, *_: Any) -> Any:
    return tf.distribute.OneDeviceStrategy("/gpu:0" if tf.config.list_physical_devices("GPU") else "/cpu:0")


def _mirrored(tf: Any, _: Cluster, devices: Devices) -> Any:
    if tf.config.list_physical_devices("GPU"):
        return tf.distribute.MirroredStrategy()
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [part] * devices.virtual)
    return tf.distribute.MirroredStrategy([f"/cpu:{number}" for number in range(devices.virtual)])


def _multi_worker(tf: Any, cluster: Cluster, _: Devices) -> Any:
    communication = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.AUTO)
    # Without the parameter servers, which this strategy would take for tasks that it must wait for.
    together = {role: list(tasks) for role, tasks in cluster.addresses if role in (ROLE_CHIEF, ROLE_WORKER)}
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(together), task_type=cluster.role, task_id=cluster.index, rpc_layer="grpc")
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver, communication_options=communication)


_BUILDERS: dict[str, Callable[[Any, Cluster, Devices], Any]] = {
    NONE: lambda tf, *_: tf.distribute.get_strategy(),
    ONE_DEVICE: _one_device,
    MIRRORED: _mirrored,
    MULTI_WORKER: _multi_worker,
}
