"""What the operator's environment may not say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shapebench.api.settings import from_environment


@pytest.mark.parametrize("seconds", ["0.1", "60"])
def test_samples_as_often_as_a_benchmark_may_ask_for(seconds: str) -> None:
    assert from_environment({"SHAPEBENCH_SAMPLE_INTERVAL_S": seconds}).sample_interval_s == float(seconds)


@pytest.mark.parametrize("seconds", ["0", "0.09", "61", "nan", "often"])
def test_neither_more_often_nor_more_seldom(seconds: str) -> None:
    with pytest.raises(ValidationError, match="sample_interval_s"):
        from_environment({"SHAPEBENCH_SAMPLE_INTERVAL_S": seconds})
