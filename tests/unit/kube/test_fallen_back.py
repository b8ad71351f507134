"""Whether what a store has is the record that was thinned to fit into a ConfigMap, before that was done."""

from __future__ import annotations

import gzip
import random
from typing import Any

import pytest
from unit.remote_write.made import pod, run

from shapebench.api import packing
from shapebench.api.record import LostAttempt, Measurement, RunRecord, Times
from shapebench.kube.fallen_back import is_whole
from shapebench.reconcile import keeping

RANDOM = random.Random(1)
SERIES = {"time_s": [float(second) for second in range(600)],
          "columns": {"cpu_seconds": [RANDOM.random() * 1e9 for _ in range(600)]}}
ROWS = tuple(Measurement(parameters={}, values={"a": RANDOM.random()}) for _ in range(20_000))
SMALL = keeping.Room(5_000, packing.IN_CONFIG_MAP, "a small one")


def whole(**update: Any) -> RunRecord:
    return run(pod(0, series=SERIES), pod(1)).model_copy(update={"attempt": 2, **update})


def fitted(record: RunRecord) -> RunRecord:
    made = packing.unpacked(keeping.fitted(record, SMALL))
    assert keeping.LEFT_OUT in made.environment
    return made


@pytest.mark.parametrize("record", [
    pytest.param(whole(pods=tuple(pod(number, series=SERIES) for number in range(10))), id="series-thinned"),
    pytest.param(whole(lost_attempts=(LostAttempt(attempt=1, pod_records=tuple(
        pod(number, series=SERIES) for number in range(10))),)), id="lost-attempts-thinned"),
    pytest.param(whole(measurements=ROWS), id="fewer-measurements"),
])
def test_a_record_is_known_whatever_was_left_out(record: RunRecord) -> None:
    assert is_whole(fitted(record), packing.packed(record))


BIG = whole(pods=tuple(pod(number, series=SERIES) for number in range(40)))
THINNED = fitted(BIG)


@pytest.mark.parametrize("there", [
    pytest.param(packing.packed(THINNED), id="thinned-too"),
    pytest.param(packing.packed(BIG.model_copy(update={"attempt": 1})), id="another-attempt"),
    pytest.param(packing.packed(BIG.model_copy(update={"times": Times(created_s=7.0)})), id="another-time"),
    pytest.param(packing.packed(BIG)[:-9], id="cut"),
    pytest.param(b"x", id="damaged"),
    pytest.param(gzip.compress(b"{}"), id="no-record"),
])
def test_nothing_else_is_taken_for_it(there: bytes) -> None:
    assert not is_whole(THINNED, there)
