"""`shapebench run`: from files to results and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from shapebench.analysis import objective
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Verdict
from shapebench.local import backend, cores, manifest, remarks
from shapebench.local.backend import Result
from shapebench.local.context import Machine
from shapebench.local.java import JavaNotFoundError
from shapebench.local.manifest import ManifestError
from shapebench.local.progress import Display
from shapebench.local.spark import SparkMissingError
from shapebench.local.store import ChangedError, Store
from shapebench.report import files, subject, table

USER_ERRORS = (ManifestError, JavaNotFoundError, SparkMissingError, ChangedError)
"""What the user can mend; the message says how."""


def run(sources: Sequence[Path], output: Path, fresh: bool, environ: Mapping[str, str],
        console: Console) -> list[Result]:
    """Run the files' Benchmarks one after the other, then print each one's table; a Ctrl-C goes to the tables at once.

    Raises one of USER_ERRORS before the first run.
    """
    benchmarks = [benchmark for source in sources for benchmark in _possible(source)]
    names = [benchmark.metadata.name for benchmark in benchmarks]
    for name in {name for name in names if names.count(name) > 1}:
        raise ManifestError(sources[-1], (f"metadata.name: an earlier file has a Benchmark {name} too; rename one",))
    data = Path(environ.get("SHAPEBENCH_DATA_DIR") or output / "data").absolute()
    machine = Machine(cores.available(), environ, data)
    ready = []
    for benchmark in benchmarks:
        store = Store(output.absolute() / benchmark.metadata.name)
        its_machine = backend.prepared(machine, benchmark)
        said = remarks.remarks(benchmark, len(machine.cores))
        store.open(benchmark, said, fresh)
        ready.append((benchmark, its_machine, store, said))
    results = []
    for benchmark, its_machine, store, said in ready:
        results.append(_run_one(benchmark, its_machine, store, said, console))
        if results[-1].interrupted:
            break
    for result, (_, _, store, said) in zip(results, ready, strict=False):
        _show(result, store, said, console)
    return results


def answered(result: Result) -> bool:
    """Whether at least one run is valid and has the objective's number."""
    metric = result.benchmark.spec.objective.metric
    return any(one.verdict is Verdict.VALID and one.value is not None
               for one in objective.observations(result.records, metric))


def lines(error: Exception) -> tuple[str, ...]:
    """The error for the terminal, one line for each problem."""
    if isinstance(error, ManifestError):
        return tuple(f"{error.file}: {problem}" for problem in error.problems)
    return (str(error),)


def _run_one(benchmark: Benchmark, machine: Machine, store: Store, said: Sequence[str], console: Console) -> Result:
    with Display(console) as display:
        for remark in said:
            console.print(Text(f"  {remark}", style="dim"), soft_wrap=True)
        result = backend.run(benchmark, machine, store, display)
    if result.records:
        files.write(store.folder, subject.of_benchmark(benchmark, said), result.records)
    return result


def _show(result: Result, store: Store, said: Sequence[str], console: Console) -> None:
    """The table, and where the files are."""
    if not result.records:
        return
    console.print()
    console.print(table.terminal(subject.of_benchmark(result.benchmark, said), result.records))
    console.print(Text(f"\n  report: {store.folder / files.HTML}\n  runs:   {store.folder / files.CSV}, {files.JSON}; "
                       "logs/ has each program's output"), soft_wrap=True)


def _possible(source: Path) -> tuple[Benchmark, ...]:
    """The file's Benchmarks. Raises ManifestError, also for what only a cluster could run."""
    benchmarks = manifest.load(source)
    impossible = tuple(problem for benchmark in benchmarks for problem in remarks.problems(benchmark))
    if impossible:
        raise ManifestError(source, impossible)
    return benchmarks
