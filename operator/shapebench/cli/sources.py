"""Where the records of runs are read from: the name of a Benchmark on a cluster, a path, or a results store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapebench.cli import terminal

if TYPE_CHECKING:
    from shapebench.api.record import RunRecord
    from shapebench.report.subject import Subject


def load(source: str, namespace: str | None, context: str | None,
         store: str | None = None) -> tuple[Subject, list[RunRecord]]:
    """The runs of `source`, and what they are about; refuses, in a line, what cannot be read."""
    if store is not None or is_store(source):
        from shapebench.report import subject

        records = list(each(source, namespace, context, store))
        return (subject.of_records(records) if records else subject.Subject(source)), records
    return from_path(Path(source)) if is_path(source) else from_cluster(source, namespace, context)


def each(source: str, namespace: str | None, context: str | None, store: str | None = None) -> Iterator[RunRecord]:
    """The runs of `source` alone, read one by one."""
    from shapebench.results import collection

    if store is not None:
        return _told(source, lambda: collection.records(store, namespace, source))
    if is_store(source):
        return _told(source, lambda: collection.records(source))
    if is_path(source):
        from shapebench.report import files

        file = _file(Path(source))
        return _told(str(file), lambda: files.each(file), _RUNS_JSON)
    return _told(source, lambda: _of_cluster(source, namespace, context))


def is_store(source: str) -> bool:
    """A URL, or a folder that has a store's files and no runs.json."""
    from shapebench.api import packing
    from shapebench.report import files

    if "://" in source:
        return True
    folder = Path(source)
    return (is_path(source) and folder.is_dir() and not (folder / files.JSON).exists()
            and next(folder.rglob(f"*{packing.SUFFIX}"), None) is not None)


def is_path(source: str) -> bool:
    """Whatever has a / or ends in .json is a path or a URL; all else is a name."""
    return "/" in source or source.endswith(".json") or source == "."


def from_path(path: Path) -> tuple[Subject, list[RunRecord]]:
    """The runs of a runs.json, with what `shapebench run` left about their Benchmark beside it."""
    from shapebench.local.store import Store
    from shapebench.report import files, subject

    file = _file(path)
    records = list(_told(str(file), lambda: iter(files.from_json(file.read_text())), _RUNS_JSON))
    about = Store(file.parent).about()
    if about is not None and records and about[0].metadata.name == records[0].benchmark:
        return subject.of_benchmark(*about), records
    return (subject.of_records(records) if records else subject.Subject(str(file))), records


def from_cluster(name: str, namespace: str | None, context: str | None) -> tuple[Subject, list[RunRecord]]:
    """The Benchmark and its runs' records, read from the cluster; refuses, with how it stands, one that has none.

    Where it ended without all of its runs, its condition says why, and is among the subject's remarks.
    """
    from pydantic import ValidationError

    from shapebench.api.benchmark import Benchmark
    from shapebench.api.status import BenchmarkPhase
    from shapebench.kube import records as kube_records
    from shapebench.kube.errors import KubeError
    from shapebench.plan import acceptance
    from shapebench.report import subject

    try:
        body, found = kube_records.load(namespace, name, context, _note)
        benchmark = Benchmark.model_validate(body)
    except KubeError as error:
        terminal.refuse(f"{error}", *_on_this_machine(name))
    except ValidationError as error:
        terminal.refuse(f"Benchmark {name} was written by another version of Shapebench: {error.errors()[0]['msg']}")
    records = list(_told(name, lambda: found))
    phase = (body.get("status") or {}).get("phase")
    known = BenchmarkPhase(phase) if phase in set(BenchmarkPhase) else None
    stands = _how_it_stands(body)
    if not records:
        terminal.refuse(f"{name}: there is no record of an ended run; the Benchmark {stands}")
    about = subject.of_benchmark(benchmark, acceptance.remarks(benchmark.spec), known)
    if not about.unfinished and len(records) < (about.planned or 0):
        about = replace(about, remarks=(f"The Benchmark {stands}", *about.remarks))
    return about, records


def _how_it_stands(body: Mapping[str, Any]) -> str:
    """Its phase, with the reason and the message of its end: those of the condition Finished."""
    from shapebench.api.status import ConditionType

    status = body.get("status") or {}
    said = next((one for one in status.get("conditions") or () if one["type"] == ConditionType.FINISHED), None)
    phase = f"is {status['phase']}" if "phase" in status else "was not seen by an operator yet"
    return phase if said is None else f"{phase}: {said['reason']}: {said['message']}"


def _on_this_machine(name: str) -> list[str]:
    """A line that names the runs of a Benchmark of this name which `shapebench run` made here; else nothing."""
    from shapebench.cli.run import DEFAULT_OUTPUT

    folder = DEFAULT_OUTPUT / name
    return [f"{folder} has runs that this machine made: give that path for them"] if _file(folder).is_file() else []


def _of_cluster(name: str, namespace: str | None, context: str | None) -> Iterator[RunRecord]:
    from shapebench.kube import records as kube_records

    return kube_records.load(namespace, name, context, _note)[1]


def _file(path: Path) -> Path:
    from shapebench.report import files

    return path / files.JSON if path.is_dir() else path


def _note(line: str) -> None:
    """Beside what is printed, which may be piped into a file."""
    print(f"shapebench: {line}", file=sys.stderr)


_RUNS_JSON = "is it a runs.json of this version?"


def _told(source: str, opened: Callable[[], Iterator[RunRecord]],
          question: str = "was it written by another version of Shapebench?") -> Iterator[RunRecord]:
    """The records; whatever goes wrong between the first and the last is said in a line."""
    from pydantic import ValidationError

    from shapebench.kube.errors import KubeError
    from shapebench.results.collection import NotOneError
    from shapebench.results.stores import StoreError

    try:
        yield from opened()
    except (KubeError, NotOneError, StoreError) as error:
        terminal.refuse(f"{error}")
    except OSError as error:
        terminal.refuse(f"{error.filename or source}: {error.strerror}; give a runs.json, or the folder that has one")
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            terminal.refuse(f"{source}: is not JSON: {first['msg']}")
        where = ".".join(map(str, first["loc"]))
        terminal.refuse(f"{source}: {where}: {first['msg']}; {question}")
    except json.JSONDecodeError as error:
        terminal.refuse(f"{source}: is not JSON: {error}")
    except ValueError as error:
        terminal.refuse(f"{source}: {error}")
