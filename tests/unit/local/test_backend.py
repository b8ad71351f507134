"""The order of runs, resuming, giving up on a cell, Ctrl-C; with runs that only pretend."""

import json

import pytest

from shapebench.api.assemble import Outcome, RunContext, run_record
from shapebench.api.record import PodRecord, Reason, Times, Verdict
from shapebench.api.workload import Workload
from shapebench.local import backend
from shapebench.local.store import ChangedError, Store
from shapebench.plan import expand


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def planned(self, benchmark, runs, already) -> None:
        self.lines.append(f"planned {runs} already {already}")

    def started(self, run) -> None:
        self.lines.append(run.name)

    def running(self, elapsed_s) -> None:
        pass

    def ended(self, run, record) -> None:
        pass

    def skipped(self, run) -> None:
        self.lines.append(f"skipped {run.name}")

    def stopped(self, stop) -> None:
        self.lines.append(f"stopped {stop.unmade}")


RUN_S = 36.0


def pretend(fails=lambda run: False, stops_at: str = ""):
    def execute(benchmark, planned, place, tick):
        if planned.name == stops_at:
            raise KeyboardInterrupt
        context = RunContext("tiny", "local", planned.name, "local", planned.cell, planned.shape, planned.block,
                             planned.repetition, planned.position)
        reason = Reason.PROGRAM_FAILED if fails(planned) else None
        price = planned.shape.price_per_hour
        return run_record(context, [], Outcome(1, reason, cost_spent=float(price) * RUN_S / 3600 if price else None),
                          Times())
    return execute


@pytest.fixture
def benchmark(make_benchmark):
    return make_benchmark(arguments=("{x}",), parameters=[{"name": "x", "values": [1, 2]}],
                          repetitions={"count": 3, "warmups": 1}, order={"kind": "Sequential"})


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "tiny")


def with_command(benchmark, command):
    workload = Workload.model_validate({"tensorflow": {"command": command, "arguments": ["{x}"]}})
    return benchmark.model_copy(update={"spec": benchmark.spec.model_copy(update={"workload": workload})})


def run(benchmark, place, store, execute, fresh=False):
    log = Log()
    store.open(benchmark, (), fresh)
    return backend.run(benchmark, place.machine, store, log, execute), log.lines


def test_all_runs_are_made_in_the_plans_order(benchmark, place, store) -> None:
    result, lines = run(benchmark, place, store, pretend())
    names = [planned.name for planned in expand.runs("tiny", benchmark.spec)]
    assert lines == ["planned 8 already 0", *names]
    assert [record.run for record in result.records] == names
    assert [record.verdict for record in result.records] == [Verdict.WARMUP] * 2 + [Verdict.VALID] * 6


def test_after_ctrl_c_nothing_is_lost_and_nothing_repeated(benchmark, place, store) -> None:
    stopped, _ = run(benchmark, place, store, pretend(stops_at="tiny-2-1"))
    assert stopped.interrupted
    assert len(stopped.records) == 4
    result, lines = run(benchmark, place, store, pretend())
    assert lines == ["planned 8 already 4", "tiny-2-1", "tiny-2-2", "tiny-3-1", "tiny-3-2"]
    assert len(result.records) == 8
    assert not result.interrupted


def test_fresh_repeats_all(benchmark, place, store) -> None:
    run(benchmark, place, store, pretend())
    _, lines = run(benchmark, place, store, pretend(), fresh=True)
    assert len(lines) == 9


def test_more_repetitions_go_on_where_the_last_ended(benchmark, place, store, make_benchmark) -> None:
    run(benchmark, place, store, pretend())
    more = benchmark.model_copy(update={"spec": benchmark.spec.model_copy(update={
        "repetitions": benchmark.spec.repetitions.model_copy(update={"count": 4})})})
    _, lines = run(more, place, store, pretend())
    assert lines == ["planned 10 already 8", "tiny-4-1", "tiny-4-2"]


def test_runs_of_another_spec_are_not_mixed_in(benchmark, place, store, make_benchmark) -> None:
    run(benchmark, place, store, pretend())
    with pytest.raises(ChangedError, match=r"spec\.workload and spec\.parameters changed.*--fresh"):
        run(make_benchmark("other", order={"kind": "Sequential"}), place, store, pretend())


@pytest.mark.parametrize("written", ["own.py", "{here}/own.sh", "./own"])
def test_runs_of_another_version_of_the_program_are_not_mixed_in(benchmark, place, store, tmp_path, monkeypatch,
                                                                 written) -> None:
    monkeypatch.chdir(tmp_path)
    word = written.format(here=tmp_path)
    (tmp_path / word).write_text("the first version")
    command = (word, "-u", "made") if written == "./own" else ("python3", "-u", word, "made")
    own = with_command(benchmark, command)
    run(own, place, store, pretend(stops_at="tiny-2-1"))
    (tmp_path / "made").write_text("by a run: no part of the program")
    assert run(own, place, store, pretend(stops_at="tiny-2-2"))[1][0] == "planned 8 already 4"
    (tmp_path / word).write_text("the second one")
    with pytest.raises(ChangedError, match=rf"holds runs from before {word} changed.*--fresh.*--output DIR"):
        run(own, place, store, pretend())
    assert store.changed(own) == (word,)
    (tmp_path / word).write_text("the first version")
    assert run(own, place, store, pretend())[1][0] == "planned 8 already 5"
    (tmp_path / word).write_text("the second one")
    assert run(own, place, store, pretend(), fresh=True)[1][0] == "planned 8 already 0"


def test_an_application_is_the_program_too(benchmark, place, store, tmp_path) -> None:
    application = tmp_path / "own"
    application.write_text("one")
    spark = benchmark.model_copy(update={"spec": benchmark.spec.model_copy(update={
        "workload": Workload.model_validate({"spark": {"application": str(application)}})})})
    run(spark, place, store, pretend())
    application.write_text("two")
    with pytest.raises(ChangedError, match=f"before {application} changed"):
        run(spark, place, store, pretend())


def test_what_was_kept_before_programs_were_looked_at_goes_on(benchmark, place, store, tmp_path) -> None:
    script = tmp_path / "own.py"
    script.write_text("one")
    own = with_command(benchmark, ("python3", str(script)))
    run(own, place, store, pretend(stops_at="tiny-2-1"))
    kept = json.loads((store.folder / "benchmark.json").read_text())
    del kept["programs"]
    (store.folder / "benchmark.json").write_text(json.dumps(kept))
    script.write_text("two")
    assert run(own, place, store, pretend(stops_at="tiny-2-2"))[1][0] == "planned 8 already 4"
    script.unlink()
    assert store.changed(own) == (), "what is not here is said by another problem"
    script.write_text("three")
    assert store.changed(own) == (str(script),)


def test_a_damaged_record_is_made_again(benchmark, place, store) -> None:
    run(benchmark, place, store, pretend())
    (store.folder / "records" / "tiny-1-2.json").write_text('{"half')
    _, lines = run(benchmark, place, store, pretend())
    assert lines == ["planned 8 already 7", "tiny-1-2"]


def test_a_cell_that_fails_too_often_is_given_up(benchmark, place, store) -> None:
    result, lines = run(benchmark, place, store, pretend(fails=lambda run: run.cell.parameters["x"] == 1))
    assert [line for line in lines if line.startswith("skipped")] == ["skipped tiny-2-1", "skipped tiny-3-1"]
    assert (len(result.records), result.skipped, result.planned) == (6, 2, 8)


def test_the_store_keeps_what_a_later_report_needs(benchmark, place, store) -> None:
    store.open(benchmark, ("a remark",), fresh=False)
    about = store.about()
    assert about is not None
    assert (about[0].spec, about[1]) == (benchmark.spec, ("a remark",))


PRICED = [{"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi", "pricePerHour": "1"}]


def test_the_budget_stops_new_runs_and_a_larger_one_goes_on(make_benchmark, place, store) -> None:
    def with_budget(budget):
        return make_benchmark(shapes=PRICED, parameters=[{"name": "x", "values": [1, 2]}], arguments=("{x}",),
                              repetitions={"count": 2, "warmups": 0}, order={"kind": "Sequential"},
                              limits={"budget": budget, "startTimeout": "6s", "runTimeout": "30s"})

    fails = pretend(fails=lambda run: run.cell.parameters["x"] == 2)
    result, lines = run(with_budget("0.029"), place, store, fails)
    assert lines == ["planned 4 already 0", "tiny-1-1", "tiny-1-2", "stopped 2"]
    assert (len(result.records), result.skipped) == (2, 2)
    result, lines = run(with_budget("0.03"), place, store, fails)
    assert lines == ["planned 4 already 2", "tiny-2-1", "stopped 1"]
    _, lines = run(with_budget("0.1"), place, store, fails)
    assert lines == ["planned 4 already 3", "tiny-2-2"]


def test_nothing_is_started_that_the_limits_let_cost_more_than_the_budget(make_benchmark, place, store) -> None:
    benchmark = make_benchmark(shapes=PRICED, limits={"budget": "0.01", "startTimeout": "6s", "runTimeout": "31s"})
    result, lines = run(benchmark, place, store, pretend())
    assert lines == ["planned 1 already 0", "stopped 1"]
    assert result.records == ()


def test_a_real_runs_money_is_that_of_its_whole_time(make_benchmark, place, store) -> None:
    benchmark = make_benchmark(shapes=[PRICED[0] | {"pricePerHour": "3600"}])
    log = Log()
    store.open(benchmark, (), fresh=True)
    (record,) = backend.run(benchmark, place.machine, store, log).records
    assert record.cost == pytest.approx(record.duration_s)
    assert record.cost_spent > record.cost


def test_runs_made_earlier_are_judged_by_the_bounds_of_now(make_benchmark, place, store) -> None:
    def beside_a_neighbour(benchmark, planned, place, tick):
        made = pretend()(benchmark, planned, place, tick)
        around = {"boot_id": "k", "window_s": 10.0, "node_cpus": 4, "node_cpu_seconds": 30.0}
        pod = PodRecord.model_validate({
            "pod": "w", "role": "worker", "index": 0, "counters": "processes", "agent_started_s": 0.0, "exit_code": 0,
            "usage": {"cpu_seconds": 10.0}, "surroundings": around})
        return made.model_copy(update={"pods": (pod,)})

    def verdicts(**validity) -> list[str]:
        return [record.verdict for record in run(make_benchmark(validity=validity), place, store,
                                                 beside_a_neighbour)[0].records]

    assert verdicts() == ["Valid"]
    (saved,) = store.load(["tiny-1-1"]).values()
    assert [flag.kind for flag in saved.flags] == ["Neighbour"]
    assert verdicts(policy="Exclude") == ["Neighbour"]
    assert store.load(["tiny-1-1"])["tiny-1-1"].verdict == "Neighbour", "also for a later report"
    assert verdicts(policy="Exclude", maxForeignCpuShare="0.6") == ["Valid"]
