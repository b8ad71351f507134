"""Where the records of runs are read from: the name of a Benchmark on a cluster, or a path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shapebench.cli import terminal

if TYPE_CHECKING:
    from shapebench.api.record import RunRecord
    from shapebench.report.subject import Subject


def load(source: str, namespace: str | None, context: str | None) -> tuple[Subject, list[RunRecord]]:
    """The runs of `source`, and what they are about; refuses, in a line, what cannot be read."""
    return from_path(Path(source)) if is_path(source) else from_cluster(source, namespace, context)


def is_path(source: str) -> bool:
    """Whatever has a / or ends in .json is a path; all else is a name."""
    return "/" in source or source.endswith(".json") or source == "."


def from_path(path: Path) -> tuple[Subject, list[RunRecord]]:
    """The runs of a runs.json, with what `shapebench run` left about their Benchmark beside it."""
    from pydantic import ValidationError

    from shapebench.local.store import Store
    from shapebench.report import files, subject

    file = path / files.JSON if path.is_dir() else path
    try:
        records = files.from_json(file.read_text())
    except OSError as error:
        terminal.refuse(f"{file}: {error.strerror}; give a runs.json, or the folder that has one")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        terminal.refuse(f"{file}: {where}: {first['msg']}; is it a runs.json of this version?")
    except ValueError as error:
        terminal.refuse(f"{file}: is not JSON: {error}")
    about = Store(file.parent).about()
    if about is not None and records and about[0].metadata.name == records[0].benchmark:
        return subject.of_benchmark(*about), records
    return (subject.of_records(records) if records else subject.Subject(str(file))), records


def from_cluster(name: str, namespace: str | None, context: str | None) -> tuple[Subject, list[RunRecord]]:
    """The Benchmark and its runs' records, read from the cluster."""
    from pydantic import ValidationError

    from shapebench.api.benchmark import Benchmark
    from shapebench.kube import records as kube_records
    from shapebench.kube.errors import KubeError
    from shapebench.plan import acceptance
    from shapebench.report import subject

    try:
        body, records = kube_records.load(namespace, name, context)
        benchmark = Benchmark.model_validate(body)
    except KubeError as error:
        terminal.refuse(f"{error}")
    except ValidationError as error:
        terminal.refuse(f"Benchmark {name} was written by another version of Shapebench: {error.errors()[0]['msg']}")
    return subject.of_benchmark(benchmark, acceptance.remarks(benchmark.spec)), records
