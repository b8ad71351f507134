"""Names made from any Benchmark that is accepted fit what Kubernetes and Spark allow."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as some

from shapebench.api import benchmark, fields, keys, wire
from shapebench.plan import acceptance

DNS_LABEL_LIMIT = 63
SPARK_PREFIX_LIMIT = 47
"""What spark.kubernetes.executor.podNamePrefix may have: Spark adds -exec-NUMBER to it."""

accepted_names = some.from_regex(
    rf"[a-z]([-a-z0-9]{{0,{keys.BENCHMARK_NAME_LIMIT - 2}}}[a-z0-9])?", fullmatch=True)
blocks = some.integers(0, 100)
positions = some.integers(1, acceptance.RUNS_LIMIT)
attempts = some.integers(1, 11)


@given(accepted_names)
def test_the_names_that_these_tests_draw_are_accepted(name: str) -> None:
    assert benchmark.NAME_RULE.holds(benchmark.Benchmark.model_construct(metadata=benchmark.Metadata(name=name)))


@given(accepted_names, blocks, positions, attempts,
       some.sampled_from((wire.ROLE_WORKER, wire.ROLE_PARAMETER_SERVER, wire.ROLE_DRIVER)), some.integers(0, 999))
def test_names_of_pods_and_services_are_dns_labels(
        name: str, block: int, position: int, attempt: int, role: str, index: int) -> None:
    run = keys.run_name(name, block, position)
    gang = keys.gang_name(run, attempt)
    for made in (run, gang, keys.pod_name(gang, role, index), keys.record_name(run)):
        assert len(made) <= DNS_LABEL_LIMIT
        assert re.fullmatch(fields.DNS_LABEL, made)


@given(accepted_names, blocks, positions, attempts)
def test_the_longest_name_leaves_room_for_what_spark_adds(name: str, block: int, position: int, attempt: int) -> None:
    longest = name.ljust(keys.BENCHMARK_NAME_LIMIT, "a")
    gang = keys.gang_name(keys.run_name(longest, block, position), attempt)
    assert len(gang) <= SPARK_PREFIX_LIMIT
    assert len(keys.pod_name(gang, wire.ROLE_WORKER, 999)) <= DNS_LABEL_LIMIT


@given(some.tuples(accepted_names, blocks, positions), some.tuples(accepted_names, blocks, positions))
def test_two_runs_of_one_benchmark_never_share_a_name(one: tuple[str, int, int], other: tuple[str, int, int]) -> None:
    here, there = (one[0], *one[1:]), (one[0], *other[1:])
    assert (keys.run_name(*here) == keys.run_name(*there)) == (here == there)
