"""From a run's record as its pods left it to a judged one: what only the cluster knows is added, then the verdict.

The cluster knows which image each pod really ran, how Spark was configured (a program without the harness does not say)
and which pods left nothing. The runs that ended before are what the verdict compares with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shapebench.analysis import peers, validity
from shapebench.api.record import PodRecord, RunRecord
from shapebench.build import configured
from shapebench.build import gang as gangs
from shapebench.plan import pools
from shapebench.reconcile.facts import PodFact, PodState
from shapebench.reconcile.run_view import RunView

_DIGESTS_TOLD = 5


def judged(view: RunView, record: RunRecord) -> RunRecord:
    """The record, complete."""
    whole = record.model_copy(update={
        "images": images(view.current),
        "lost_pods": lost_pods(view, record.pods),
        "environment": configured.spark(view.attempt) | record.environment,
    })
    spec = view.benchmark.spec
    return validity.judged(whole, spec.validity, peers.of_runs(view.others.values()), pools.of(spec))


def images(pods: tuple[PodFact, ...]) -> dict[str, str]:
    """The digest of each role's image; some, with a space between, where the role's pods ran different ones."""
    found: dict[str, set[str]] = {}
    for pod in pods:
        if pod.image:
            found.setdefault(pod.role, set()).add(pod.image)
    return {role: " ".join(sorted(digests)[:_DIGESTS_TOLD]) for role, digests in sorted(found.items())}


def lost_pods(view: RunView, recorded: Collection[PodRecord]) -> tuple[str, ...]:
    """Those whose usage is not known, or not all of it."""
    return tuple(sorted({*unrecorded(view, recorded), *(pod.pod for pod in recorded if not pod.complete)}))


def unrecorded(view: RunView, recorded: Iterable[PodRecord]) -> tuple[str, ...]:
    """The pods that used something and left no record of it, those that are gone too: one that never ran has none."""
    ran = {pod.name for pod in view.current if pod.state is not PodState.WAITING}
    if view.run.status.times.running_s is not None:
        ran |= set(gangs.pod_names(view.attempt))
    return tuple(sorted(ran - {pod.pod for pod in recorded}))
