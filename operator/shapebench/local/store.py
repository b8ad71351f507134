"""A Benchmark's folder of results: a file for each run as soon as it is made, so that nothing is lost or repeated."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shapebench.api.benchmark import Benchmark, BenchmarkSpec
from shapebench.api.record import RunRecord
from shapebench.local import programs

_COMPARABLE = ("workload", "shapes", "parameters", "order", "volumes")
"""What makes runs of two versions of a file incomparable. More repetitions, another objective or other limits do
not: such a file goes on where the last one ended."""


class ChangedError(Exception):
    """The folder holds runs of a Benchmark that was another one; the message says in what, and what to do."""


class BusyError(Exception):
    """Another process makes runs into the folder; the message says what to do."""


class Store:
    """The folder of one Benchmark's results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._records = folder / "records"
        self._identity = folder / "benchmark.json"

    @property
    def logs(self) -> Path:
        """Where the runs' logs are."""
        return self.folder / "logs"

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder to oneself. Raises BusyError while another process has it, whose death frees it, too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(f"{self.folder}: another `shapebench run` writes there: wait until it has ended, or "
                                "give another --output") from None
            yield

    def open(self, benchmark: Benchmark, remarks: Sequence[str], fresh: bool) -> None:
        """Make the folder ready for the Benchmark's runs. Raises ChangedError if it holds others and not `fresh`.

        The remarks are kept for later reports.
        """
        if fresh:
            for folder in (self._records, self.logs):
                shutil.rmtree(folder, ignore_errors=True)
        else:
            self.check(benchmark)
        self._records.mkdir(parents=True, exist_ok=True)
        body = {"comparable": _identity(benchmark.spec), "programs": programs.digests(benchmark.spec),
                "remarks": list(remarks),
                "benchmark": benchmark.model_dump(mode="json", by_alias=True, exclude_none=True)}
        self._identity.write_text(json.dumps(body, indent=2) + "\n")

    def check(self, benchmark: Benchmark) -> None:
        """Raise ChangedError if the folder holds runs of another Benchmark."""
        changed = self.changed(benchmark) if self._identity.exists() and any(self._records.glob("*.json")) else ()
        if changed:
            raise ChangedError(f"{self.folder} holds runs from before {' and '.join(changed)} changed, and they can't "
                               "be compared: --fresh replaces them, --output DIR keeps them")

    def changed(self, benchmark: Benchmark) -> tuple[str, ...]:
        """In what the Benchmark of the runs that are there is another one: fields, or files of its program.

        A program that is not here, or was kept before programs were looked at, has not changed. Raises OSError
        without any runs.
        """
        before = json.loads(self._identity.read_text())
        fields = (f"spec.{field}" for field, digest in _identity(benchmark.spec).items()
                  if before["comparable"].get(field) != digest)
        kept = before.get("programs", {})
        return (*fields, *(file for file, digest in programs.digests(benchmark.spec).items()
                           if kept.get(file, digest) != digest))

    def about(self) -> tuple[Benchmark, tuple[str, ...]] | None:
        """The Benchmark and the remarks that were kept; None where there are none."""
        try:
            body = json.loads(self._identity.read_text())
            return Benchmark.model_validate(body["benchmark"]), tuple(body["remarks"])
        except (OSError, ValueError, KeyError):
            return None

    def save(self, record: RunRecord) -> None:
        """Keep a run's record; whole or not at all."""
        partial = self._records / f".{record.run}.partial"
        partial.write_text(record.model_dump_json())
        partial.replace(self._records / f"{record.run}.json")

    def all(self) -> list[RunRecord]:
        """All records that are there, in the order of their names."""
        return list(self.load(sorted(path.stem for path in self._records.glob("*.json"))).values())

    def load(self, names: Iterable[str]) -> dict[str, RunRecord]:
        """The records of these runs that are there, by name. A damaged one counts as not there."""
        found = {}
        for name in names:
            try:
                found[name] = RunRecord.model_validate_json((self._records / f"{name}.json").read_text())
            except (OSError, ValidationError):
                continue
        return found


def _identity(spec: BenchmarkSpec) -> Mapping[str, str]:
    body: dict[str, Any] = spec.model_dump(mode="json", by_alias=True)
    return {name: hashlib.sha256(json.dumps(body[name], sort_keys=True).encode()).hexdigest()[:16]
            for name in _COMPARABLE}
