"""`shapebench run`: from files to results and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from shapebench.api.benchmark import Benchmark
from shapebench.local import backend, cores, manifests, remarks
from shapebench.local.backend import Result
from shapebench.local.context import Machine
from shapebench.local.java import JavaNotFoundError
from shapebench.local.progress import Display
from shapebench.local.spark import SparkMissingError
from shapebench.local.store import BusyError, ChangedError, Store
from shapebench.report import answer, files, subject, table


class RefusedError(Exception):
    """Nothing was started; `lines` has one for each thing to mend, and says how."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True)
class _Ready:
    """A Benchmark that nothing keeps from running, where its results go, and what to remark on it."""

    benchmark: Benchmark
    store: Store
    said: tuple[str, ...]


def run(sources: Sequence[Path], output: Path, fresh: bool, environ: Mapping[str, str],
        console: Console) -> list[Result]:
    """Run the files' Benchmarks one after the other, then print each one's table; a Ctrl-C goes to the tables at once.

    Raises RefusedError before the first run, with all that is wrong with any of them; later when a program is edited.
    """
    contents = manifests.read(sources)
    data = Path(environ.get("SHAPEBENCH_DATA_DIR") or output / "data").absolute()
    machine = Machine(cores.available(), environ, data)
    ready = [_Ready(one.benchmark, Store(output.absolute() / one.name),
                    remarks.remarks(one.benchmark, len(machine.cores))) for one in contents.found]
    problems = [*contents.problems, *_impossible(contents)]
    problems += [] if fresh else _changed(ready)
    try:
        for one in ready:
            machine = backend.prepared(machine, one.benchmark)
    except (JavaNotFoundError, SparkMissingError) as error:
        problems.append(str(error))
    if problems:
        raise RefusedError(*dict.fromkeys(problems))
    with ExitStack() as stack:
        _open(ready, fresh, output, stack)
        results = []
        for one in ready:
            try:
                results.append(_run_one(one, machine, console))
            except ChangedError as error:
                raise RefusedError(str(error)) from error
            if results[-1].interrupted:
                break
    for result, one in zip(results, ready, strict=False):
        _show(result, one, console)
    return results


def _open(ready: Sequence[_Ready], fresh: bool, output: Path, stack: ExitStack) -> None:
    """Make all folders ready, and keep them until the stack ends: none is changed before all are this command's."""
    try:
        for one in ready:
            stack.enter_context(one.store.held())
        for one in ready:
            one.store.open(one.benchmark, one.said, fresh)
    except (BusyError, ChangedError) as error:
        raise RefusedError(str(error)) from error
    except OSError as error:
        raise RefusedError(f"--output {output}: {error.filename or output}: {error.strerror}") from error


def answered(result: Result) -> bool:
    """Whether at least one run is valid and has the objective's number."""
    return answer.answered(result.benchmark.spec.objective.metric, result.records)


def _impossible(contents: manifests.Contents) -> list[str]:
    """What keeps Benchmarks from running here that are right in themselves."""
    problems = [f"{one.file}: {problem}" for one in contents.found for problem in remarks.problems(one.benchmark)]
    first: dict[str, Path] = {}
    for one in contents.found:
        if one.name in first:
            problems.append(f"{one.file}: metadata.name: {first[one.name]} has a Benchmark {one.name} too; rename one")
        first.setdefault(one.name, one.file)
    return problems


def _changed(ready: Sequence[_Ready]) -> list[str]:
    problems = []
    for one in ready:
        try:
            one.store.check(one.benchmark)
        except ChangedError as error:
            problems.append(str(error))
    return problems


def _run_one(one: _Ready, machine: Machine, console: Console) -> Result:
    with Display(console) as display:
        for remark in one.said:
            console.print(Text(f"  {remark}", style="dim"), soft_wrap=True)
        result = backend.run(one.benchmark, machine, one.store, display)
    if result.records:
        files.write(one.store.folder, subject.of_benchmark(one.benchmark, one.said), result.records)
    return result


def _show(result: Result, one: _Ready, console: Console) -> None:
    """The table, and where the files are."""
    if not result.records:
        return
    folder = one.store.folder
    console.print()
    console.print(table.terminal(subject.of_benchmark(one.benchmark, one.said), result.records))
    console.print(Text(f"\n  report: {folder / files.HTML}\n  runs:   {folder / files.CSV}, {files.JSON}; "
                       "logs/ has each program's output"), soft_wrap=True)
