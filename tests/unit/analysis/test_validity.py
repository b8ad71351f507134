"""What makes a run doubtful, and what becomes of it then."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.analysis import nodes, peers, throttling, validity
from shapebench.analysis.nodes import NodeType
from shapebench.api import wire
from shapebench.api.benchmark import Validity
from shapebench.api.record import Cell, Phase, PodRecord, RunRecord, Times, Verdict
from shapebench.api.usage import Surroundings, Usage
from shapebench.plan import pools

XEON, EPYC = "Intel(R) Xeon(R) CPU @ 2.20GHz", "AMD EPYC 7B13"
GIB = 2**30
CALM: dict[str, Any] = {
    "boot_id": "k1", "window_s": 10.0, "node_cpus": 8, "node_memory_bytes": 31 * GIB, "node_cpu_seconds": 20.0,
    "node_steal_seconds": 0.0, "cpu_periods": 100, "cpu_throttled_periods": 0, "cpu_pressure_seconds": 0.0,
    "memory_pressure_seconds": 0.0, "io_pressure_seconds": 0.0, "swap_peak_bytes": 0}


def pod(name: str = "w-0", role: str = wire.ROLE_WORKER, *, cpu_s: float | None = 10.0, measured: bool = True,
        environment: dict[str, str] | None = None, pod_fields: dict[str, Any] | None = None,
        **around: Any) -> PodRecord:
    """A pod that used all of its one CPU for ten seconds, on a calm node of eight."""
    facts = {"cpu_model": XEON, "cpus": "8", "node": "n1", "cpu_limit": "1", "cpu_period_s": "0.1"}
    return PodRecord.model_validate({
        "pod": name, "role": role, "index": 0, "counters": "cgroup-v2", "agent_started_s": 0.0, "exit_code": 0,
        "usage": Usage(cpu_seconds=cpu_s and cpu_s + 2.0), "environment": facts | (environment or {}),
        "measured_usage": Usage(cpu_seconds=cpu_s) if measured else None,
        "surroundings": Surroundings.model_validate(CALM | around)} | (pod_fields or {}))


def record(*pods: PodRecord, run: str = "b-2-1", verdict: Verdict = Verdict.VALID, **fields: Any) -> RunRecord:
    return RunRecord.model_validate({
        "benchmark": "b", "namespace": "n", "run": run, "backend": "kubernetes", "cell": Cell(shape="2x1"),
        "workers": 2, "cpu": 1.0, "memory_bytes": GIB, "block": 1, "repetition": 1, "position": 1, "attempt": 1,
        "phase": Phase.SUCCEEDED, "verdict": verdict, "times": Times(finished_s=100.0),
        "pods": pods or (pod("w-0"), pod("w-1"))} | fields)


def judged(one: RunRecord, *before: RunRecord, where: pools.Pools = validity.EVERYWHERE, **bounds: Any) -> RunRecord:
    """As the operator judges: each of the runs before was judged by those before it."""
    done: list[RunRecord] = []
    for each in (*before, one):
        done.append(validity.judged(each, Validity(**bounds), [peers.of_record(earlier) for earlier in done], where))
    return done[-1]


def flags(one: RunRecord) -> list[Verdict]:
    return [flag.kind for flag in one.flags]


def test_a_calm_run_counts() -> None:
    found = judged(record())
    assert (found.verdict, found.flags) == (Verdict.VALID, ())


def executors(*numbers: int) -> tuple[PodRecord, ...]:
    return tuple(pod(f"e-{number}", wire.ROLE_EXECUTOR, pod_fields={"index": number}) for number in numbers)


def workers(*marks: str) -> tuple[PodRecord, ...]:
    """A gang whose workers marked these ends of the measured part: s, e, both, or none."""
    return tuple(pod(f"w-{number}", node_cpu_seconds=0.0, pod_fields={
        "index": number, "measured_started_s": 1.0 if "s" in ends else None,
        "measured_finished_s": 5.0 if "e" in ends else None}) for number, ends in enumerate(marks))


FOREIGN = 20.0 + 0.25 * 80 + 0.08  # the run's own, a quarter of the node, and a tick of each CPU
DOUBTFUL = [
    pytest.param({"attempt": 2}, Verdict.RETRIED, "attempt 2", id="retried"),
    pytest.param({"lost_pods": ("w-1",)}, Verdict.LOST_PODS, "no whole record of w-1", id="lost-pod"),
    pytest.param({"pods": (pod(), pod("w-1", pod_fields={"complete": False}))}, Verdict.LOST_PODS,
                 "no whole record of w-1", id="cut-record"),
    pytest.param({"pods": tuple(pod(f"e-{n}", wire.ROLE_EXECUTOR) for n in range(3))}, Verdict.LOST_PODS,
                 "3 executors were asked for where the shape has 2: Spark replaced 1", id="replaced-executor"),
    pytest.param({"pods": executors(1, 3)}, Verdict.LOST_PODS,
                 "3 executors were asked for where the shape has 2: Spark replaced 1; no record of executor 2: "
                 "usage is missing", id="replaced-executor-whose-pod-was-deleted"),
    pytest.param({"pods": executors(2, 5)}, Verdict.LOST_PODS, "replaced 3; no record of executor 1, 3, 4:",
                 id="executors-replaced-again"),
    pytest.param({"pods": executors(1, 2, 3)}, Verdict.LOST_PODS, "Spark replaced 1", id="both-executors-left-records"),
    pytest.param({"pods": workers("se", "", "se")}, Verdict.LOST_PODS, "w-1 told no start or no end of the measured "
                 "part, where 2 of 3 workers marked it", id="one-of-three-marked-nothing"),
    pytest.param({"pods": workers("se", "s")}, Verdict.LOST_PODS, "w-1 told no start or no end",
                 id="one-marked-no-end"),
    pytest.param({"images": {"worker": "sha256:a sha256:b"}}, Verdict.OTHER_IMAGE, "different images", id="two-images"),
    pytest.param({"pods": (pod(), pod("w-1", swap_peak_bytes=3 * 2**20))}, Verdict.SWAPPED,
                 "pod w-1 had 3 MiB in swap", id="swapped"),
    pytest.param({"pods": (pod(), pod("w-1", cpu_s=7.0, cpu_throttled_periods=100))}, Verdict.THROTTLED,
                 "pod w-1: throttling took 2.9 s of CPU that its limit of 1 CPUs allows, 29% of it (bound 5%)",
                 id="throttled"),
    pytest.param({"pods": (pod(node_cpu_seconds=FOREIGN + 0.1), pod("w-1", node_cpu_seconds=FOREIGN + 0.1))},
                 Verdict.NEIGHBOUR, "node n1: what is not of the run used 2.01 of 8 CPUs, 25.1% (bound 25%)",
                 id="neighbour"),
    pytest.param({"pods": (pod(), pod("w-1", boot_id="k2", environment={"node": "n2"}, node_cpu_seconds=80.0))},
                 Verdict.NEIGHBOUR, "node n2", id="neighbour-of-the-second-node"),
    pytest.param({"pods": (pod(node_steal_seconds=5.08),)}, Verdict.STEAL, "kept back 6.25% of its CPU time (bound 5%)",
                 id="steal"),
    pytest.param({"pods": (pod(), pod("w-1", memory_pressure_seconds=2.0))}, Verdict.PRESSURE,
                 "pod w-1 waited for memory 20% of the time (bound 10%)", id="memory-pressure"),
]


@pytest.mark.parametrize(("fields", "kind", "message"), DOUBTFUL)
def test_what_makes_a_run_doubtful(fields: dict[str, Any], kind: Verdict, message: str) -> None:
    found = judged(record(**fields))
    assert flags(found) == [kind]
    assert message in found.flags[0].message
    assert found.verdict is kind, "on a cluster it does not count"
    assert judged(record(**fields), policy="Flag").verdict is Verdict.VALID, "it counts all the same"
    assert judged(record(**fields), policy="Flag").flags == found.flags


def test_a_bound_is_told_as_it_was_set() -> None:
    found = judged(record(pod(node_steal_seconds=0.08 + 0.0051 * 80)), maxStealShare="0.005")
    assert "kept back 0.51% of its CPU time (bound 0.5%)" in found.flags[0].message


NO_DOUBT = [
    pytest.param({"pods": workers("se", "se", "se")}, id="all-workers-marked"),
    pytest.param({"pods": workers("", "", "")}, id="no-worker-marked"),
    pytest.param({"pods": workers("se", "", "")}, id="the-chief-marked-for-all"),
    pytest.param({"pods": workers("s", "s")}, id="all-until-their-programs-end"),
    pytest.param({"pods": executors(1, 2)}, id="executors-count-from-one"),
    pytest.param({"pods": (pod(cpu_throttled_periods=100),)}, id="throttled-but-it-got-its-limit"),
    pytest.param({"pods": (pod(cpu_s=9.6, cpu_throttled_periods=100),)}, id="throttled-within-the-bound"),
    pytest.param({"pods": (pod(cpu_s=3.0, cpu_throttled_periods=30, cpu_periods=60),)}, id="bursts-that-got-theirs"),
    pytest.param({"pods": (pod(cpu_s=0.11, window_s=0.15, cpu_throttled_periods=2, node_cpu_seconds=0.1),)},
                 id="a-window-that-cuts-two-periods"),
    pytest.param({"pods": (pod(cpu_s=2.0, cpu_throttled_periods=100,
                               environment={"cpu_limit": "2", "cpu_period_s": "0.01"}),)}, id="short-periods"),
    pytest.param({"pods": (pod(node_cpu_seconds=FOREIGN - 0.1), pod("w-1", node_cpu_seconds=FOREIGN - 0.1))},
                 id="neighbour-within-the-bound"),
    pytest.param({"pods": (pod(window_s=0.15, node_cpus=1, node_cpu_seconds=0.1, node_steal_seconds=0.01),)},
                 id="a-tick-of-steal-in-a-window-of-a-moment"),
    pytest.param({"pods": (pod(cpu_s=0.347, window_s=4.0, cpu_throttled_periods=40, agent_cpu_seconds=0.053,
                               node_cpu_seconds=0.4,
                               environment={"cpu_limit": "0.1"}),)}, id="what-the-agent-used-was-not-taken"),
    pytest.param({"pods": (pod(cpu_s=9.5, node_cpu_seconds=FOREIGN - 9.5, agent_cpu_seconds=1.0),)},
                 id="the-agent-is-no-neighbour"),
    pytest.param({"pods": (pod(cpu_pressure_seconds=9.0),)}, id="waiting-for-cpu-is-what-a-limit-does"),
    pytest.param({"pods": (pod(io_pressure_seconds=9.0),)}, id="reading-is-what-the-job-does"),
    pytest.param({"pods": (pod(node_cpu_seconds=80.0), pod("w-1", pod_fields={"surroundings": None}))},
                 id="a-pod-that-does-not-tell-may-be-the-neighbour"),
    pytest.param({"pods": (pod(**dict.fromkeys(CALM.keys() - {"boot_id"})),)}, id="nothing-is-known"),
    pytest.param({"pods": (pod(pod_fields={"surroundings": None}),)}, id="no-surroundings"),
    pytest.param({"pods": (pod(cpu_s=None, cpu_throttled_periods=100, node_cpu_seconds=80.0),)}, id="no-cpu-seconds"),
    pytest.param({"pods": (pod(role=wire.ROLE_DRIVER, cpu_s=0.1, cpu_throttled_periods=100,
                               environment={"cpu_limit": ""}),)}, id="a-drivers-limit-is-not-the-workers"),
    pytest.param({"pods": ()}, id="no-pods"),
]


@pytest.mark.parametrize("fields", NO_DOUBT)
def test_what_is_as_it_should_be_or_not_known_makes_no_flag(fields: dict[str, Any]) -> None:
    assert judged(record(**fields)).flags == ()


REAL = [
    pytest.param(0.5, 0.1, 4.0, 40, 1.999, id="one-thread-half-a-cpu"),
    pytest.param(1.0, 0.1, 4.0, 26, 3.664, id="two-threads-one-cpu-on-a-busy-machine"),
    pytest.param(0.5, 0.01, 4.0, 395, 2.000, id="periods-of-10-ms"),
    pytest.param(0.5, 0.1, 4.0, 14, 1.261, id="bursts-of-70-ms"),
    pytest.param(0.1, 0.1, 4.0, 40, 0.401, id="two-threads-a-tenth"),
]


@pytest.mark.parametrize(("limit", "period_s", "window_s", "throttled", "cpu_s"), REAL)
def test_real_cgroups_that_were_throttled_to_their_limit_lost_nothing(
        limit: float, period_s: float, window_s: float, throttled: int, cpu_s: float) -> None:
    """Readings of busy processes under cpu.cfs_quota_us on Linux 6.18."""
    one = pod(cpu_s=cpu_s, window_s=window_s, cpu_throttled_periods=throttled,
              environment={"cpu_limit": f"{limit:g}", "cpu_period_s": f"{period_s:g}"})
    assert throttling.loss(one, record(one)) == throttling.Loss(limit, 0.0, 0.0)


def test_nodes_that_are_one_machine_are_one_kernel() -> None:
    """kind's nodes: both see all of the machine's CPU time, and both pods are the run's own."""
    busy = {"node_cpu_seconds": 20.0 + 0.24 * 80}
    kinds = (pod(environment={"node": "worker"}, **busy), pod("w-1", environment={"node": "worker2"}, **busy))
    assert judged(record(*kinds)).flags == ()


@pytest.mark.parametrize(("life_s", "busy_s", "kinds"), [
    pytest.param(23.0, 39.0, [], id="what-its-limit-lets-it-use-meanwhile"),
    pytest.param(23.0, 41.0, [Verdict.NEIGHBOUR], id="more-than-its-limit-lets-it"),
    pytest.param(5.0, 36.0, [Verdict.NEIGHBOUR], id="more-than-it-used-in-all-its-life"),
])
def test_a_pods_work_outside_of_its_own_measured_part_is_no_neighbours(
        life_s: float, busy_s: float, kinds: list[Verdict]) -> None:
    long = pod(node_cpu_seconds=busy_s)
    short = pod("w-1", cpu_s=1.0, window_s=1.0, pod_fields={"usage": Usage(cpu_seconds=life_s)})
    assert flags(judged(record(long, short))) == kinds


@pytest.mark.parametrize("verdict", [Verdict.WARMUP, Verdict.FAILED])
def test_warm_ups_and_failed_runs_keep_their_verdict_and_are_flagged(verdict: Verdict) -> None:
    found = judged(record(verdict=verdict, attempt=2))
    assert (found.verdict, flags(found)) == (verdict, [Verdict.RETRIED])


def test_the_gravest_flag_is_the_verdict() -> None:
    found = judged(record(pod(swap_peak_bytes=1, memory_pressure_seconds=5.0), attempt=2))
    assert flags(found) == [Verdict.RETRIED, Verdict.SWAPPED, Verdict.PRESSURE]
    assert found.verdict is Verdict.RETRIED


@pytest.mark.parametrize(("fields", "policy", "verdict"), [
    pytest.param({"pods": (pod(swap_peak_bytes=1),)}, None, Verdict.VALID, id="flagged-by-default"),
    pytest.param({"pods": (pod(swap_peak_bytes=1),)}, "Exclude", Verdict.SWAPPED, id="excluded-when-asked"),
    pytest.param({"attempt": 2}, None, Verdict.RETRIED, id="a-retried-run-is-not-the-run"),
    pytest.param({"attempt": 2}, "Flag", Verdict.VALID, id="unless-asked"),
])
def test_on_one_machine_flags_do_not_exclude(fields: dict[str, Any], policy: str | None, verdict: Verdict) -> None:
    found = judged(record(backend="local", **fields), policy=policy)
    assert (found.verdict, len(found.flags)) == (verdict, 1)


def on(model: str = XEON, memory: float = 31.0, run: str = "b-1-1", **fields: Any) -> RunRecord:
    one = pod(environment={"cpu_model": model}, node_memory_bytes=int(memory * GIB))
    return record(one, run=run, **fields)


def test_a_run_on_another_type_of_node_says_what_it_differs_from() -> None:
    found = judged(on(EPYC, run="b-2-1"), on())
    assert found.verdict is Verdict.OTHER_NODE
    assert found.flags[0].message == (
        f"worker ran on {EPYC}, 8 CPUs, 31.00 GiB; b-1-1, the first run of 2x1 that counts, on {XEON}, 8 CPUs, "
        "31.00 GiB")


@pytest.mark.parametrize(("before", "now", "kinds"), [
    pytest.param([on()], on(run="b-2-1"), [], id="same-type"),
    pytest.param([on(memory=31.0)], on(memory=31.2, run="b-2-1"), [], id="the-kernel-took-a-little-memory"),
    pytest.param([on(memory=31.0)], on(memory=62.0, run="b-2-1"), [Verdict.OTHER_NODE], id="twice-the-memory"),
    pytest.param([on(EPYC, verdict=Verdict.WARMUP)], on(run="b-2-1"), [], id="a-warm-up-sets-nothing"),
    pytest.param([on(EPYC, verdict=Verdict.FAILED)], on(run="b-2-1"), [], id="a-failed-run-sets-nothing"),
    pytest.param([on(EPYC, attempt=2)], on(run="b-2-1"), [], id="an-excluded-run-sets-nothing"),
    pytest.param([on(), *(on(EPYC, run=f"b-{n}-1", times=Times(finished_s=100.0 + n)) for n in (2, 3, 4))],
                 on(EPYC, run="b-5-1"), [Verdict.OTHER_NODE], id="the-first-sets-it-whatever-comes-after"),
    pytest.param([record(pod(), pod("w-1", environment={"cpu_model": EPYC}), run="b-1-1")], on(run="b-2-1"),
                 [Verdict.OTHER_NODE], id="two-types-before-one-now"),
    pytest.param([on()], record(pod(environment={"cpu_model": EPYC}, role="ps"), run="b-2-1"), [],
                 id="a-role-that-was-not-there"),
])
def test_the_first_run_that_counts_sets_the_type_of_node(
        before: list[RunRecord], now: RunRecord, kinds: list[Verdict]) -> None:
    assert flags(judged(now, *before)) == kinds


ANY, SMALL, LARGE = pools.ALL_NODES, "pool=small", "pool=large"
ELSEWHERE = on(EPYC, run="b-1-2", cell=Cell(shape="1x4"))


@pytest.mark.parametrize(("where", "now", "kinds"), [
    pytest.param({"2x1": ANY, "1x4": ANY}, ELSEWHERE, [Verdict.OTHER_NODE], id="nowhere-in-particular"),
    pytest.param({"2x1": SMALL, "1x4": SMALL}, ELSEWHERE, [Verdict.OTHER_NODE], id="one-pool"),
    pytest.param({"2x1": SMALL, "1x4": LARGE}, ELSEWHERE, [], id="two-pools"),
    pytest.param({"2x1": ANY, "1x4": LARGE}, ELSEWHERE, [], id="a-pool-of-its-own"),
    pytest.param({}, ELSEWHERE, [Verdict.OTHER_NODE], id="nothing-is-said-of-the-shapes"),
    pytest.param({"2x1": ANY, "1x4": ANY}, ELSEWHERE.model_copy(update={"cell": Cell(shape="2x1")}),
                 [Verdict.OTHER_NODE], id="its-own-shape"),
    pytest.param({"2x1": SMALL, "1x4": LARGE}, on(run="b-1-2", cell=Cell(shape="1x4")), [], id="the-same-type-anyway"),
])
def test_shapes_that_ask_for_the_same_nodes_are_held_to_one_type_of_node(
        where: pools.Pools, now: RunRecord, kinds: list[Verdict]) -> None:
    assert flags(judged(now, on(), where=where)) == kinds


def test_a_shape_on_another_type_of_node_says_which_one_it_is_held_to() -> None:
    (flag,) = judged(ELSEWHERE, on()).flags
    assert flag.message == (
        f"worker ran on {EPYC}, 8 CPUs, 31.00 GiB; b-1-1 of 2x1, which asks for the same nodes and is the first run "
        f"that counts, on {XEON}, 8 CPUs, 31.00 GiB")


def test_drivers_are_held_to_one_type_whatever_pools_the_shapes_ask_for() -> None:
    def driver(model: str, **fields: Any) -> RunRecord:
        return record(pod(role=wire.ROLE_DRIVER, environment={"cpu_model": model}), **fields)

    other = driver(EPYC, cell=Cell(shape="1x4"))
    assert flags(judged(other, driver(XEON, run="b-1-1"), where={"2x1": SMALL, "1x4": LARGE})) == [Verdict.OTHER_NODE]


def test_where_flagged_runs_count_a_shape_is_held_to_its_own_first_run_too() -> None:
    """All of 1x4 ran on EPYC, and then one on what 2x1 runs on: it is another run of 1x4."""
    now = on(run="b-2-2", cell=Cell(shape="1x4"))
    (flag,) = judged(now, on(), ELSEWHERE, policy="Flag").flags
    assert (flag.kind, "b-1-2, the first run of 1x4 that counts" in flag.message) == (Verdict.OTHER_NODE, True)


@pytest.mark.parametrize(("before", "now", "kinds"), [
    pytest.param({"worker": "sha256:a"}, {"worker": "sha256:a"}, [], id="same"),
    pytest.param({"worker": "sha256:a"}, {"worker": "sha256:b"}, [Verdict.OTHER_IMAGE], id="another"),
    pytest.param({}, {"worker": "sha256:b"}, [], id="not-known-before"),
    pytest.param({"worker": "sha256:a"}, {}, [], id="not-known-now"),
])
def test_images_are_one_for_all_shapes(before: dict[str, str], now: dict[str, str], kinds: list[Verdict]) -> None:
    first = record(run="b-1-1", images=before, cell=Cell(shape="1x4"))
    assert flags(judged(record(images=now), first)) == kinds


def waited(share: float, run: str, **fields: Any) -> RunRecord:
    return record(pod(io_pressure_seconds=10.0 * share), run=run, **fields)


@pytest.mark.parametrize(("before", "share", "kinds"), [
    pytest.param([], 0.9, [], id="nothing-to-compare-with"),
    pytest.param([waited(0.4, "b-1-1")], 0.45, [], id="as-always"),
    pytest.param([waited(0.4, "b-1-1")], 0.6, [Verdict.PRESSURE], id="more-than-ever"),
    pytest.param([waited(0.4, "b-0-1", verdict=Verdict.WARMUP)], 0.6, [Verdict.PRESSURE], id="warm-ups-tell-it-too"),
    pytest.param([waited(0.1, "b-1-1", cell=Cell(shape="1x4"))], 0.6, [], id="another-cell-reads-otherwise"),
    pytest.param([waited(0.9, "b-1-1"), waited(0.3, "b-1-2")], 0.5, [Verdict.PRESSURE], id="the-least-is-the-measure"),
])
def test_waiting_for_the_disk_is_doubtful_where_it_is_more_than_the_cell_ever_needed(
        before: list[RunRecord], share: float, kinds: list[Verdict]) -> None:
    assert flags(judged(waited(share, "b-2-1"), *before)) == kinds


@pytest.mark.parametrize("duration_s", [-5.0, 0.0])
@pytest.mark.parametrize("bounds", [{}, {"policy": "Flag"}], ids=["by-default", "where-flagged-runs-count"])
@pytest.mark.parametrize("backend", ["kubernetes", "local"])
def test_a_time_that_cannot_be_never_counts(duration_s: float, bounds: dict[str, Any], backend: str) -> None:
    found = judged(record(duration_s=duration_s, cost=duration_s / 3600, backend=backend), **bounds)
    assert (found.verdict, flags(found), found.duration_s, found.cost) == (Verdict.CLOCK, [Verdict.CLOCK], None, None)
    assert f"the measured part took {duration_s:.6g} s" in found.flags[0].message
    stored = RunRecord.model_validate_json(found.model_dump_json())
    assert judged(stored, **bounds) == stored, "it stays what it is"


def test_what_a_program_says_in_the_place_of_a_verdicts_facts_is_not_believed() -> None:
    told = record(pod(pod_fields={"surroundings": None, "environment": {}}),
                  environment={nodes.NODE_TYPES: "worker: Z80, 1 CPUs", peers.IO_PRESSURE: "0.0", "mine": "kept"})
    assert judged(told).environment == {"mine": "kept"}


def test_judging_again_changes_nothing() -> None:
    """An operator that was killed in between does so; then the run may already be among those that have ended."""
    once = judged(on(EPYC, run="b-2-1"), on())
    assert judged(once, on(), on(EPYC, run="b-2-1")) == once


def test_the_environment_names_all_nodes_and_their_types() -> None:
    found = judged(record(pod(), pod("w-1"), pod("d", wire.ROLE_DRIVER, environment={"node": "n2"}))).environment
    assert found[nodes.NODES] == "driver: n2; worker: n1 (2)"
    assert found[nodes.NODE_TYPES] == f"driver: {XEON}, 8 CPUs, 31.00 GiB; worker: {XEON}, 8 CPUs, 31.00 GiB"


def test_the_names_of_many_nodes_are_cut_and_said_to_be() -> None:
    many = [pod(f"w-{n}", environment={"node": f"node-with-a-long-name-{n:04}"}) for n in range(100)]
    text = nodes.names(many)
    assert len(text) < 1024
    assert text.endswith(", …")


_MODELS = st.text(st.characters(codec="ascii", exclude_characters=";|\n"), min_size=1).map(str.strip).filter(bool)
_TYPES = st.builds(NodeType, _MODELS, st.integers(1, 500), st.none() | st.integers(1, 10**6).map(lambda n: n / 100))


@given(st.dictionaries(st.sampled_from(["driver", "executor", "worker", "ps"]),
                       st.frozensets(_TYPES, min_size=1, max_size=3)))
def test_types_come_back_from_their_text(found: dict[str, frozenset[NodeType]]) -> None:
    text = nodes.written(found)
    assert not text or nodes.read(text) == found
    assert len(text) <= 1024


@given(st.text())
def test_what_is_no_type_is_not_compared(text: str) -> None:
    for own in nodes.read(text).values():
        assert own
