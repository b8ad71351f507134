"""Where a run's record goes at its end: whole into the results store, or into a config map that bounds its size.

A config map that the API server refuses would be tried for ever, so the record is made to fit whatever it holds: the
series of lost attempts are left out, the run's own thinned, then left out, then what the pods' records repeat, then
measurements from the end. All totals stay.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import NamedTuple

from shapebench.analysis import objective
from shapebench.api import keys, packing, thinning
from shapebench.api.packing import Packed
from shapebench.api.record import PodRecord, RunRecord
from shapebench.api.usage import Series
from shapebench.build.attempt import Attempt, KubeObject
from shapebench.plan.actions import Keep
from shapebench.reconcile.run_view import RunView

CONFIG_MAP_LIMIT_BYTES = 900_000
"""Of the 1 MiB that a config map may hold."""
LEFT_OUT = "record_left_out"
"""The environment's entry that says what is missing from the record that is kept."""
_TRIES = 8
_SAFETY = 0.9
_FEWER_VALUES = 0.7
_MEDIANS, _NAME_CHARS = 200, 100


class Room(NamedTuple):
    """How much a config map takes of a record, and why it is not more: that is said where it matters."""

    limit_bytes: int
    bounds: packing.Bounds
    why: str


WHOLE = Room(CONFIG_MAP_LIMIT_BYTES, packing.IN_CONFIG_MAP,
             f"a ConfigMap holds {CONFIG_MAP_LIMIT_BYTES} bytes; a results store holds all")


def keep(view: RunView, record: RunRecord) -> Keep:
    """Into the store, with every sample that the agents left."""
    metadata = view.benchmark.metadata
    logs = dict(view.logs)

    def whole() -> Iterator[PodRecord]:
        for pod in record.pods:
            log = logs.get(pod.pod)
            yield pod if log is None else pod.model_copy(update={"series": log.whole_series()})

    return Keep(metadata.namespace, metadata.name, metadata.uid, record.run, record,
                lambda: packing.packed_with(record, whole()))


def config_map(attempt: Attempt, record: RunRecord, name: str, room: Room = WHOLE) -> KubeObject:
    """The record as an object of this name, owned by its run."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": attempt.metadata(name, {keys.LABEL_RECORD: "true"}),
        "binaryData": {keys.RECORD_KEY: base64.b64encode(fitted(record, room)).decode()},
    }


def fitted(record: RunRecord, room: Room) -> bytes:
    """The record in so much room; its environment says what was left out."""
    for made in _ever_smaller(record, room):
        if len(made.data) <= room.limit_bytes and made.is_within(room.bounds):
            break
    return made.data


def _ever_smaller(record: RunRecord, room: Room) -> Iterator[Packed]:
    """The record, then what may be left of it; each is packed when it is asked for."""
    whole = _with_samples(record, room)
    yield whole
    if any(pod.series.time_s for one in record.lost_attempts for pod in one.pod_records):
        record = _noted(_with_lost(record, {"series": Series()}), "the time series of lost attempts", room)
        whole = _with_samples(record, room)
        yield whole
    bare = packing.weighed(_noted(record, "the time series", room), map(_bare, record.pods))
    yield from _with_thinned_series(record, room, len(whole.data), len(bare.data))
    yield bare
    yield _with_bare_pods(record, room)
    yield packing.weighed(_noted(_without_lost_pods(record), _all_pods(record), room), ())
    yield from _with_fewer_measurements(record, room)


def _with_thinned_series(record: RunRecord, room: Room, size: int, bare: int) -> Iterator[Packed]:
    """As many samples of each pod as fit: what a record takes beside `bare` is nearly in proportion to them."""
    samples, limit = thinning.longest(record)[0], room.limit_bytes
    for _ in range(_TRIES):
        if samples <= thinning.FEWEST or bare >= limit:
            return
        share = (limit - bare) / (size - bare) if size > limit else _FEWER_VALUES
        samples = max(thinning.FEWEST, min(samples - 1, int(samples * share * _SAFETY)))
        made = _with_samples(record, room, samples)
        yield made
        size = len(made.data)


def _with_samples(record: RunRecord, room: Room, most: int | None = None) -> Packed:
    """With all samples that there are, or so many of each pod."""
    kept, full = thinning.longest(record)
    samples = kept if most is None else most
    if samples == full:
        return packing.weighed(record, record.pods)
    note = f"samples: each pod's series has at most {samples}, evenly spread, of up to {full}"
    return packing.weighed(_noted(record, note, room), (
        pod.model_copy(update={"series": thinning.thinned(pod.series, samples)}) for pod in record.pods))


def _with_bare_pods(record: RunRecord, room: Room) -> Packed:
    """Deciding pods' rows and environments are in the run's own; of lost attempts nobody else has them."""
    nothing: dict[str, object] = {"environment": {}, "measurements": ()}
    note = "the time series, and each pod's own environment and measurements"
    return packing.weighed(_noted(_with_lost(record, nothing), note, room),
                           (_bare(pod).model_copy(update=nothing) for pod in record.pods))


def _with_fewer_measurements(record: RunRecord, room: Room) -> Iterator[Packed]:
    bare, rows, medians = _without_lost_pods(record), len(record.measurements), _medians(record)
    while True:
        rows //= 2
        note = f"{_all_pods(record)}, and measurements after the first {rows}"
        fewer = bare.model_copy(update={
            "measurements": record.measurements[:rows], "medians": medians,
            "measurements_left_out": record.measurements_left_out + len(record.measurements) - rows})
        yield packing.weighed(_noted(fewer, note, room), ())
        if not rows:
            return


def _medians(record: RunRecord) -> dict[str, float]:
    """Of each measured value over all rows, as an objective takes it; of as many as matter."""
    names = dict.fromkeys(name for row in record.measurements for name in row.values if len(name) <= _NAME_CHARS)
    told = ((name, objective.of_record(record, f"{objective.MEASUREMENT_PREFIX}{name}"))
            for name in list(names)[:_MEDIANS])
    return {name: value for name, value in told if value is not None}


def _all_pods(record: RunRecord) -> str:
    return f"the records of the {len(record.pods)} pods"


def _with_lost(record: RunRecord, update: dict[str, object]) -> RunRecord:
    """The record with this in every pod of its lost attempts."""
    return record.model_copy(update={"lost_attempts": tuple(
        one.model_copy(update={"pod_records": tuple(pod.model_copy(update=update) for pod in one.pod_records)})
        for one in record.lost_attempts)})


def _without_lost_pods(record: RunRecord) -> RunRecord:
    return record.model_copy(update={"lost_attempts": tuple(
        one.model_copy(update={"pod_records": ()}) for one in record.lost_attempts)})


def _bare(pod: PodRecord) -> PodRecord:
    return pod.model_copy(update={"series": Series()})


def _noted(record: RunRecord, note: str, room: Room) -> RunRecord:
    said = filter(None, (record.environment.get(LEFT_OUT), f"{note} ({room.why})"))
    return record.model_copy(update={"environment": {**record.environment, LEFT_OUT: "; ".join(said)}})
