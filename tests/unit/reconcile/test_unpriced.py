"""Shapes with and without a price: a part of what was spent is never told as the whole."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live

from shapebench.api import keys


def lived(prices: dict[str, str | None]) -> dict[str, Any]:
    """The status of a Benchmark that is over."""
    shapes = [{"name": name, "workers": 1, "cpu": "1", "memory": "1Gi"} | ({"pricePerHour": price} if price else {})
              for name, price in prices.items()]
    cluster = live(fake.FakeCluster(fake.lives), {
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"workload": {"tensorflow": {"job": "train"}}, "shapes": shapes,
                 "repetitions": {"count": 1, "warmups": 0}}})
    status: dict[str, Any] = cluster.get("Benchmark", NAME)["status"]
    return status


def progress(status: dict[str, Any]) -> str:
    return next(str(one["message"]) for one in status["conditions"] if one["type"] == "Progressing")


@pytest.mark.parametrize(("prices", "known", "words"), [
    pytest.param({"a": "3.6", "b": "1.8"}, True, "", id="all"),
    pytest.param({"a": "3.6", "b": None, "c": None}, False, "; what is spent is not known: no pricePerHour in b, c",
                 id="some"),
    pytest.param({"a": None, "b": None}, False, "", id="none"),
])
def test_what_was_spent_is_told_where_every_shape_has_a_price(
        prices: dict[str, str | None], known: bool, words: str) -> None:
    status = lived(prices)
    assert (status.get("costSpent") is not None) == known
    assert progress(status) == f"{len(prices)} of {len(prices)} runs ended{words}"
