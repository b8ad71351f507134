"""Which of the objects that bear a Benchmark's name are this Benchmark's.

One that is deleted and applied again has the name of the old one, whose runs and pods the garbage collector may not
have reached yet. Labels say the name; owner references say which.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from shapebench.api import keys
from shapebench.plan.actions import KubeObject, Snapshot


def own(snapshot: Snapshot) -> Snapshot:
    """The snapshot without what an earlier Benchmark of the same name left.

    Executors belong to their driver; pods that another operator made say by a label whose they are.
    """
    if snapshot.benchmark is None:
        return snapshot
    runs = _owned(snapshot.runs, {_uid(snapshot.benchmark)})
    run_uids = {_uid(run) for run in runs}
    pods = _owned(snapshot.pods, run_uids)
    executors = _owned(snapshot.pods, {_uid(pod) for pod in pods})
    foreign = tuple(pod for pod in snapshot.pods
                    if pod["metadata"].get("labels", {}).get(keys.LABEL_RUN_UID) in run_uids)
    return dataclasses.replace(snapshot, runs=runs, pods=(*pods, *executors, *foreign),
                               applications=_owned(snapshot.applications, run_uids))


def _owned(objects: Iterable[KubeObject], uids: set[str]) -> tuple[KubeObject, ...]:
    return tuple(body for body in objects
                 if any(owner["uid"] in uids for owner in body["metadata"].get("ownerReferences") or ()))


def _uid(body: KubeObject) -> str:
    uid: str = body["metadata"]["uid"]
    return uid
