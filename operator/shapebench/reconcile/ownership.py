"""Which of the objects that bear a Benchmark's name are this Benchmark's.

One that is deleted and applied again has the name of the old one, whose runs and pods the garbage collector may not
have reached yet. Labels say the name; owner references say which.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from shapebench.plan.actions import KubeObject, Snapshot


def own(snapshot: Snapshot) -> Snapshot:
    """The snapshot without what an earlier Benchmark of the same name left. Executors belong to their driver."""
    if snapshot.benchmark is None:
        return snapshot
    runs = _owned(snapshot.runs, {_uid(snapshot.benchmark)})
    pods = _owned(snapshot.pods, {_uid(run) for run in runs})
    executors = _owned(snapshot.pods, {_uid(pod) for pod in pods})
    return dataclasses.replace(snapshot, runs=runs, pods=(*pods, *executors))


def _owned(objects: Iterable[KubeObject], uids: set[str]) -> tuple[KubeObject, ...]:
    return tuple(body for body in objects
                 if any(owner["uid"] in uids for owner in body["metadata"].get("ownerReferences") or ()))


def _uid(body: KubeObject) -> str:
    uid: str = body["metadata"]["uid"]
    return uid
