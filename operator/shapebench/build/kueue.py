"""A place in a Kueue queue for a gang whose pods we make: one Workload that asks for all of them at once.

Kueue admits the whole or nothing, and then the pods are created; they bear no queue's label themselves, so Kueue leaves
them alone. Only what it counts and places by is in the Workload's templates.
"""

from __future__ import annotations

from shapebench.build import pod, spark, tensorflow
from shapebench.build.attempt import Attempt, KubeObject

API_VERSION = "kueue.x-k8s.io/v1beta2"
KIND = "Workload"


def workload(attempt: Attempt) -> KubeObject:
    """The Workload, named as the gang. The benchmark names a queue."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": attempt.metadata(attempt.gang),
        "spec": {
            "queueName": attempt.benchmark.spec.queue_name,
            "podSets": [{"name": role.role, "count": count, "template": {"spec": _spec(attempt, role)}}
                        for role, count in _roles(attempt)],
        },
    }


def _roles(attempt: Attempt) -> list[tuple[pod.Role, int]]:
    """What kinds of pod the gang has, and how many of each: Spark's executors too, for which the driver will ask."""
    if attempt.benchmark.spec.workload.kind == "spark":
        return [(spark.driver_role(attempt), 1), (spark.executor_role(attempt), attempt.run.shape.workers)]
    counts: dict[str, int] = {}
    for role, _ in tensorflow.members(attempt):
        counts[role] = counts.get(role, 0) + 1
    return [(_worker(attempt, role), count) for role, count in counts.items()]


def _worker(attempt: Attempt, role: str) -> pod.Role:
    shape = attempt.run.shape
    return pod.Role(role=role, index=None, cpu=str(shape.cpu), memory=str(shape.memory), program=(), shape=shape)


def _spec(attempt: Attempt, role: pod.Role) -> KubeObject:
    image, _ = pod.image(attempt)
    return {
        "restartPolicy": "Never",
        "containers": [{"name": role.container, "image": image, "resources": pod.resources(role.cpu, role.memory)}],
        **pod.scheduling(attempt, role),
    }
