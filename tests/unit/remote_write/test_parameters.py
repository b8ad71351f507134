"""Parameters as labels that Prometheus takes, whatever they are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.remote_write import parameters


@pytest.mark.parametrize(("given_names", "taken", "expected"), [
    pytest.param(["batchSize", "n_2"], [], {"batchSize": "parameter_batchSize", "n_2": "parameter_n_2"}, id="kept"),
    pytest.param(["block size"], [], {"block size": "parameter_block_size"}, id="a-space"),
    pytest.param(["größe", ""], [], {"größe": "parameter_gr__e", "": "parameter_"}, id="not-ascii-and-nothing"),
    pytest.param(["a b", "a-b", "a_b"], [],
                 {"a_b": "parameter_a_b", "a b": "parameter_a_b_2", "a-b": "parameter_a_b_3"}, id="the-same-thrice"),
    pytest.param(["a b", "a_b", "a_b_2"], [],
                 {"a_b": "parameter_a_b", "a_b_2": "parameter_a_b_2", "a b": "parameter_a_b_3"}, id="number-in-use"),
    pytest.param(["x"], ["parameter_x"], {"x": "parameter_x_2"}, id="taken"),
])
def test_names(given_names, taken, expected) -> None:
    assert parameters.names(given_names, taken) == expected
    assert parameters.names(reversed(given_names), taken) == expected


@given(st.lists(st.text(alphabet="ab_ -2é", max_size=4)), st.sets(st.sampled_from(["parameter_a", "parameter_a_b"])))
def test_each_has_a_label_of_its_own(given_names: list[str], taken: set[str]) -> None:
    found = parameters.names(given_names, taken)
    assert set(found) == set(given_names)
    assert len(set(found.values()) | taken) == len(found) + len(taken)
    assert all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", label) for label in found.values())


def test_values() -> None:
    assert parameters.labels({"n": 4, "share": 0.5, "cached": True, "mode": "True"}) == {
        "parameter_n": "4", "parameter_share": "0.5", "parameter_cached": "true", "parameter_mode": "True"}
