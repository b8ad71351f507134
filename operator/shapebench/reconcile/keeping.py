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
from shapebench.api.record import PodRecord, RunRecord, Series
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
    sampled = any(pod.series.time_s for one in record.lost_attempts for pod in one.pod_records)
    if sampled and not _fits(packing.packed(record), room):
        record = _noted(_with_lost(record, {"series": Series()}), "the time series of lost attempts", room)
    for smaller in (_with_thinned_series, _without_series, _with_bare_pods, _without_pods, _with_fewer_measurements):
        data = smaller(record, room)
        if _fits(data, room):
            return data
    return data


def _fits(data: bytes, room: Room) -> bool:
    return len(data) <= room.limit_bytes and packing.is_within(data, room.bounds)


def _with_thinned_series(record: RunRecord, room: Room) -> bytes:
    """As many samples of each pod as fit: what a record takes is nearly in proportion to them."""
    series = [pod.series for pod in record.pods]
    samples, full = thinning.longest(series)
    data, limit = _series_of(record, samples, full, room), room.limit_bytes
    bare = len(_without_series(record, room)) if len(data) > limit else 0
    for _ in range(_TRIES):
        if _fits(data, room) or samples <= thinning.FEWEST or bare >= limit:
            break
        share = (limit - bare) / (len(data) - bare) if len(data) > limit else _FEWER_VALUES
        samples = max(thinning.FEWEST, min(samples - 1, int(samples * share * _SAFETY)))
        data = _series_of(record, samples, full, room)
    return data


def _series_of(record: RunRecord, samples: int, full: int, room: Room) -> bytes:
    if samples == full:
        return packing.packed(record)
    note = f"samples: each pod's series has at most {samples}, evenly spread, of up to {full}"
    pods = (pod.model_copy(update={"series": thinning.thinned(pod.series, samples)}) for pod in record.pods)
    return packing.packed_with(_noted(record, note, room), pods)


def _without_series(record: RunRecord, room: Room) -> bytes:
    return packing.packed_with(_noted(record, "the time series", room), (_bare(pod) for pod in record.pods))


def _with_bare_pods(record: RunRecord, room: Room) -> bytes:
    """Deciding pods' rows and environments are in the run's own; of lost attempts nobody else has them."""
    nothing: dict[str, object] = {"environment": {}, "measurements": ()}
    note = "the time series, and each pod's own environment and measurements"
    return packing.packed_with(_noted(_with_lost(record, nothing), note, room),
                               (_bare(pod).model_copy(update=nothing) for pod in record.pods))


def _without_pods(record: RunRecord, room: Room) -> bytes:
    return packing.packed_with(_noted(_without_lost_pods(record), _all_pods(record), room), ())


def _with_fewer_measurements(record: RunRecord, room: Room) -> bytes:
    bare, rows, data = _without_lost_pods(record), len(record.measurements), b""
    medians = _medians(record)
    while not data or (rows and not _fits(data, room)):
        rows //= 2
        note = f"{_all_pods(record)}, and measurements after the first {rows}"
        fewer = bare.model_copy(update={
            "measurements": record.measurements[:rows], "medians": medians,
            "measurements_left_out": record.measurements_left_out + len(record.measurements) - rows})
        data = packing.packed_with(_noted(fewer, note, room), ())
    return data


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
