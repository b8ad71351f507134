"""May a run be counted? What makes it doubtful becomes flags, and by policy these decide its verdict.

Pure: from a record that is whole but for this, the bounds, and the runs that ended before. What is not known makes no
flag. docs/concepts/validity.md says for people what each flag means, by which formula, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shapebench.analysis import kernels, nodes, objective, peers, throttling
from shapebench.analysis.peers import Peer
from shapebench.api import assemble, wire
from shapebench.api.benchmark import Validity
from shapebench.api.record import Flag, RunRecord, Verdict
from shapebench.plan import pools
from shapebench.plan.pools import Pools

ORDER = (Verdict.CLOCK, Verdict.RETRIED, Verdict.LOST_PODS, Verdict.OTHER_IMAGE, Verdict.OTHER_NODE, Verdict.SWAPPED,
         Verdict.THROTTLED, Verdict.NEIGHBOUR, Verdict.STEAL, Verdict.PRESSURE)
"""The gravest first: what cannot be argued with, then what a bound decides. The first flag's kind is the verdict."""
TOLD = (nodes.NODES, nodes.NODE_TYPES, peers.IO_PRESSURE)
"""Names in RunRecord.environment of what later runs are compared by: said here alone, whatever a program says."""
MESSAGE_CHARS = 512
EVERYWHERE: Pools = {}
_SHOWN_PODS = 5


def judged(record: RunRecord, bounds: Validity, before: Sequence[Peer], where: Pools = EVERYWHERE) -> RunRecord:
    """The record with its flags and its verdict, and with what later runs are compared by in its environment.

    A warm-up and a failed run keep their verdict; their flags are told all the same. A time that cannot be is taken
    out, with its cost: the flag has it. `where`: which nodes the shapes ask for; one machine has but one type.
    """
    facts = (nodes.names(record.pods), nodes.written(nodes.types(record.pods)), _share_text(_io_pressure(record)))
    told = {name: fact for name, fact in zip(TOLD, facts, strict=True) if fact}
    whole = record.model_copy(update={"environment": {
        name: fact for name, fact in record.environment.items() if name not in TOLD} | told})
    others = [peer for peer in before if peer.run != record.run]
    flags = tuple(sorted(_flags(whole, bounds, others, where), key=lambda flag: ORDER.index(flag.kind)))
    known = {} if objective.is_time(record.duration_s) else {"duration_s": None, "cost": None}
    return whole.model_copy(update={"flags": flags, "verdict": _verdict(whole, flags, bounds), **known})


def all_judged(records: Iterable[RunRecord], bounds: Validity) -> tuple[RunRecord, ...]:
    """The records judged one after the other, as they ended: for bounds that have changed since."""
    done: list[RunRecord] = []
    before: list[Peer] = []
    for record in sorted(records, key=lambda one: (one.times.finished_s or 0.0, one.block, one.position)):
        done.append(judged(record, bounds, before))
        before.append(peers.of_record(done[-1]))
    return tuple(done)


def _verdict(record: RunRecord, flags: Sequence[Flag], bounds: Validity) -> Verdict:
    if record.verdict in (Verdict.FAILED, Verdict.WARMUP):
        return record.verdict
    policy = bounds.policy or ("Exclude" if record.backend == "kubernetes" else "Flag")
    # On one machine neighbours are the rule and the numbers a first look; but a retried run is another story there too.
    # Without a time there is nothing to count, whatever the policy.
    excluding = [flag for flag in flags if policy == "Exclude" or flag.kind is Verdict.CLOCK
                 or (bounds.policy is None and flag.kind is Verdict.RETRIED)]
    return excluding[0].kind if excluding else Verdict.VALID


def _flags(record: RunRecord, bounds: Validity, before: Sequence[Peer], where: Pools) -> Iterator[Flag]:
    yield from _clock(record)
    yield from _attempts(record)
    yield from _losses(record)
    yield from _marks(record)
    yield from _other_image(record, before)
    yield from _other_node(record, before, where)
    yield from _swapped(record)
    yield from _throttled(record, float(bounds.max_throttled_share))
    yield from _neighbour(record, float(bounds.max_foreign_cpu_share))
    yield from _steal(record, float(bounds.max_steal_share))
    yield from _memory_pressure(record, float(bounds.max_pressure_share))
    yield from _disk_pressure(record, float(bounds.max_pressure_share), before)


def _clock(record: RunRecord) -> Iterator[Flag]:
    """The measured part cannot have ended before it began. A record that was judged before has the flag alone."""
    took_s = record.duration_s
    if took_s is None:
        yield from (flag for flag in record.flags if flag.kind is Verdict.CLOCK)
    elif not objective.is_time(took_s):
        yield _flag(Verdict.CLOCK, f"the measured part took {took_s:.6g} s: its start and its end are not of one "
                                   "clock, or that was set meanwhile", took_s, 0)


def _attempts(record: RunRecord) -> Iterator[Flag]:
    if record.attempt > 1:
        yield _flag(Verdict.RETRIED, f"attempt {record.attempt}: the cluster broke off the ones before", record.attempt,
                    1)


def _losses(record: RunRecord) -> Iterator[Flag]:
    cut = [pod.pod for pod in record.pods if not pod.complete]
    lost = sorted({*record.lost_pods, *cut})
    if lost:
        yield _flag(Verdict.LOST_PODS, f"no whole record of {_names(lost)}: usage is missing from the totals",
                    len(lost), 0)
    partly = [pod for pod in record.pods if pod.left_out]
    if partly:
        yield _flag(Verdict.LOST_PODS, f"not all of the record of {_names(pod.pod for pod in partly)}: without "
                                       f"{partly[0].left_out}", len(partly), 0)
    yield from _replaced(record)


def _replaced(record: RunRecord) -> Iterator[Flag]:
    """Spark numbers executors from 1 and never anew: a number above the shape's tells of one that was replaced, also
    where its pod was deleted, as a drained node's are, and left nothing else."""
    numbers = [pod.index for pod in record.pods if pod.role == wire.ROLE_EXECUTOR]
    asked = max(len(numbers), *numbers, 0)
    if asked <= record.workers:
        return
    missing = sorted(set(range(1, asked + 1)) - set(numbers)) if max(numbers) > record.workers else []
    without = f"; no record of executor {_names(map(str, missing))}: usage is missing" if missing else ""
    yield _flag(Verdict.LOST_PODS, f"{asked} executors were asked for where the shape has {record.workers}: Spark "
                                   f"replaced {asked - record.workers}{without}", asked, record.workers)


def _marks(record: RunRecord) -> Iterator[Flag]:
    """All workers of a gang mark the measured part alike, or one does so for all."""
    marks = {pod.pod: (assemble.is_marked(pod), pod.measured_finished_s is not None)
             for pod in record.pods if pod.role in assemble.DECIDING_ROLES and pod.complete}
    marking = sum(map(any, marks.values()))
    if record.reason is None and marking > 1 and len(set(marks.values())) > 1:
        odd = [name for name, both in marks.items() if not all(both)]
        yield _flag(Verdict.LOST_PODS, f"{_names(odd)} told no start or no end of the measured part, where {marking} "
                                       f"of {len(marks)} workers marked it: the duration is by those", len(odd), 0)


def _other_image(record: RunRecord, before: Sequence[Peer]) -> Iterator[Flag]:
    for role, image in sorted(record.images.items()):
        if " " in image:
            yield _flag(Verdict.OTHER_IMAGE, f"pods of role {role} ran different images: {image}")
            continue
        first = peers.reference(before, lambda peer, role=role: role in peer.images)  # type: ignore[misc]
        if first is not None and first.images[role] != image:
            yield _flag(Verdict.OTHER_IMAGE, f"{role} ran {image}; {first.run}, the first run that counts, ran "
                                             f"{first.images[role]}")


def _other_node(record: RunRecord, before: Sequence[Peer], where: Pools) -> Iterator[Flag]:
    """Held to the first run of its own shape, and to the first of all the shapes that ask for the same nodes."""
    shape = record.cell.shape
    for role, own in nodes.types(record.pods).items():
        known = [peer for peer in before if role in peer.node_types]
        of_shape = peers.reference(known, lambda peer: peer.cell.shape == shape)
        of_all = peers.reference(known, lambda peer, role=role: (  # type: ignore[misc]
            pools.shared(where, role, peer.cell.shape, shape)))
        for first in (of_shape, of_all):
            if first is not None and not nodes.same(own, first.node_types[role]):
                yield _flag(Verdict.OTHER_NODE, f"{role} ran on {nodes.text(own)}; {_first(first, shape)}, on "
                                                f"{nodes.text(first.node_types[role])}")
                break


def _first(peer: Peer, shape: str) -> str:
    if peer.cell.shape == shape:
        return f"{peer.run}, the first run of {shape} that counts"
    return f"{peer.run} of {peer.cell.shape}, which asks for the same nodes and is the first run that counts"


def _swapped(record: RunRecord) -> Iterator[Flag]:
    swapped = [(pod.surroundings.swap_peak_bytes, pod.pod) for pod in record.pods
               if pod.surroundings and pod.surroundings.swap_peak_bytes]
    if swapped:
        most, pod = max(swapped)
        yield _flag(Verdict.SWAPPED, f"pod {pod} had {most / 2**20:.3g} MiB in swap{_and_more(len(swapped))}", most, 0)


def _throttled(record: RunRecord, bound: float) -> Iterator[Flag]:
    known = [(loss, pod) for pod in record.pods if (loss := throttling.loss(pod, record)) is not None]
    found = [(loss, pod) for loss, pod in known if loss.share > bound]
    if found:
        loss, pod = max(found, key=lambda one: one[0].share)
        yield _flag(Verdict.THROTTLED, f"pod {pod.pod}: throttling took {loss.seconds:.3g} s of CPU that its limit of "
                                       f"{loss.limit:g} CPUs allows, {_percent(loss.share)} of it "
                                       f"(bound {_percent(bound)}){_and_more(len(found))}", loss.share, bound)


def _neighbour(record: RunRecord, bound: float) -> Iterator[Flag]:
    found = [(one.foreign_s / one.capacity_s, one) for one in kernels.below(record) if one.foreign_s is not None]
    share, kernel = max(found, key=lambda one: one[0], default=(0.0, None))
    if kernel is not None and share > bound:
        yield _flag(Verdict.NEIGHBOUR, f"{_place(kernel)}: what is not of the run used {share * kernel.cpus:.3g} of "
                                       f"{kernel.cpus} CPUs, {_percent(share)} (bound {_percent(bound)})", share, bound)


def _steal(record: RunRecord, bound: float) -> Iterator[Flag]:
    found = [(one.steal_s / one.capacity_s, one) for one in kernels.below(record) if one.steal_s is not None]
    share, kernel = max(found, key=lambda one: one[0], default=(0.0, None))
    if kernel is not None and share > bound:
        yield _flag(Verdict.STEAL, f"{_place(kernel)}: the hypervisor kept back {_percent(share)} of its CPU time "
                                   f"(bound {_percent(bound)})", share, bound)


def _memory_pressure(record: RunRecord, bound: float) -> Iterator[Flag]:
    found = [(around.memory_pressure_seconds / around.window_s, pod.pod) for pod in record.pods
             if (around := pod.surroundings) and around.window_s and around.memory_pressure_seconds is not None]
    share, pod = max(found, default=(0.0, ""))
    if share > bound:
        yield _flag(Verdict.PRESSURE, f"pod {pod} waited for memory {_percent(share)} of the time "
                                      f"(bound {_percent(bound)})", share, bound)


def _disk_pressure(record: RunRecord, bound: float, before: Sequence[Peer]) -> Iterator[Flag]:
    """Waiting for the disk is what a job does that reads: doubtful is only more of it than the cell ever needed."""
    share, least = _io_pressure(record), peers.least_io_pressure(before, record.cell)
    if share is not None and least is not None and share - least > bound:
        yield _flag(Verdict.PRESSURE, f"a pod waited for the disk {_percent(share)} of the time; in another run of "
                                      f"the cell it was {_percent(least)} (bound {_percent(bound)} more)",
                    share - least, bound)


def _io_pressure(record: RunRecord) -> float | None:
    return max((around.io_pressure_seconds / around.window_s for pod in record.pods
                if (around := pod.surroundings) and around.window_s and around.io_pressure_seconds is not None),
               default=None)


def _percent(share: float) -> str:
    """Of three digits: a bound may be half a per cent, and what is a little over must not read as if it were not."""
    return f"{100 * share:.3g}%"


def _share_text(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"


def _place(kernel: kernels.Kernel) -> str:
    return f"node {_names(kernel.nodes)}" if kernel.nodes else "the machine"


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN_PODS} more" if len(listed) > _SHOWN_PODS else ""
    return ", ".join(listed[:_SHOWN_PODS]) + more


def _and_more(count: int) -> str:
    return f", and {count - 1} more pods" if count > 1 else ""


def _flag(kind: Verdict, message: str, value: float | None = None, bound: float | None = None) -> Flag:
    return Flag(kind=kind, message=message[:MESSAGE_CHARS], value=value if value is None else round(value, 6),
                bound=bound)
