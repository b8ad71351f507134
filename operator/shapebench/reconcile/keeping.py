"""Where a run's record goes at its end: whole into the results store, or into a config map that bounds its size.

A config map that the API server refuses would be tried for ever, so the record is made to fit whatever it holds: series
are thinned first, then left out, then what the pods' records repeat, then measurements from the end. All totals stay.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

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


def config_map(attempt: Attempt, record: RunRecord) -> KubeObject:
    """The record as an object, owned by its run."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": attempt.metadata(keys.record_name(record.run), {keys.LABEL_RECORD: "true"}),
        "binaryData": {keys.RECORD_KEY: base64.b64encode(fitted(record, CONFIG_MAP_LIMIT_BYTES)).decode()},
    }


def fitted(record: RunRecord, limit: int) -> bytes:
    """The record in at most `limit` bytes; its environment says what was left out."""
    for smaller in (_with_thinned_series, _without_series, _with_bare_pods, _without_pods, _with_fewer_measurements):
        data = smaller(record, limit)
        if _fits(data, limit):
            return data
    return data


def _fits(data: bytes, limit: int) -> bool:
    return len(data) <= limit and packing.is_within(data, packing.IN_CONFIG_MAP)


def _with_thinned_series(record: RunRecord, limit: int) -> bytes:
    """As many samples of each pod as fit: what a record takes is nearly in proportion to them."""
    series = [pod.series for pod in record.pods]
    samples, full = thinning.longest(series)
    data = _series_of(record, samples, full)
    bare = len(_without_series(record, limit)) if len(data) > limit else 0
    for _ in range(_TRIES):
        if len(data) <= limit or samples <= thinning.FEWEST or bare >= limit:
            break
        share = (limit - bare) / (len(data) - bare)
        samples = max(thinning.FEWEST, min(samples - 1, int(samples * share * _SAFETY)))
        data = _series_of(record, samples, full)
    return data


def _series_of(record: RunRecord, samples: int, full: int) -> bytes:
    if samples == full:
        return packing.packed(record)
    note = f"samples: each pod's series has at most {samples}, evenly spread, of up to {full}"
    pods = (pod.model_copy(update={"series": thinning.thinned(pod.series, samples)}) for pod in record.pods)
    return packing.packed_with(_noted(record, note), pods)


def _without_series(record: RunRecord, _limit: int) -> bytes:
    return packing.packed_with(_noted(record, "the time series"), (_bare(pod) for pod in record.pods))


def _with_bare_pods(record: RunRecord, _limit: int) -> bytes:
    """Deciding pods' rows and environments are in the run's own."""
    nothing: Mapping[str, object] = {"environment": {}, "measurements": ()}
    note = "the time series, and each pod's own environment and measurements"
    return packing.packed_with(_noted(record, note), (_bare(pod).model_copy(update=nothing) for pod in record.pods))


def _without_pods(record: RunRecord, _limit: int) -> bytes:
    return packing.packed_with(_noted(record, f"the records of the {len(record.pods)} pods"), ())


def _with_fewer_measurements(record: RunRecord, limit: int) -> bytes:
    rows, data = len(record.measurements), b""
    while not data or (rows and not _fits(data, limit)):
        rows //= 2
        note = f"the records of the {len(record.pods)} pods, and measurements after the first {rows}"
        fewer = record.model_copy(update={"measurements": record.measurements[:rows]})
        data = packing.packed_with(_noted(fewer, note), ())
    return data


def _bare(pod: PodRecord) -> PodRecord:
    return pod.model_copy(update={"series": Series()})


def _noted(record: RunRecord, note: str) -> RunRecord:
    text = f"{note} (a ConfigMap holds {CONFIG_MAP_LIMIT_BYTES} bytes; a results store holds all)"
    return record.model_copy(update={"environment": {**record.environment, LEFT_OUT: text}})
