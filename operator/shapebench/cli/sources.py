"""Where the records of runs are read from: the name of a Benchmark on a cluster, a path, or a results store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

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
        return _told(source, lambda: _of_file(Path(source)))
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
        body, found = kube_records.load(namespace, name, context)
        benchmark = Benchmark.model_validate(body)
    except KubeError as error:
        terminal.refuse(f"{error}")
    except ValidationError as error:
        terminal.refuse(f"Benchmark {name} was written by another version of Shapebench: {error.errors()[0]['msg']}")
    records = list(_told(name, lambda: found))
    return subject.of_benchmark(benchmark, acceptance.remarks(benchmark.spec)), records


def _of_cluster(name: str, namespace: str | None, context: str | None) -> Iterator[RunRecord]:
    from shapebench.kube import records as kube_records

    return kube_records.load(namespace, name, context)[1]


def _of_file(path: Path) -> Iterator[RunRecord]:
    from shapebench.report import files

    return files.each(path / files.JSON if path.is_dir() else path)


def _told(source: str, opened: Callable[[], Iterator[RunRecord]]) -> Iterator[RunRecord]:
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
        where = ".".join(map(str, first["loc"]))
        terminal.refuse(f"{source}: {where}: {first['msg']}; was it written by another version of Shapebench?")
    except ValueError as error:
        terminal.refuse(f"{source}: {error}")
