"""The records of one Benchmark in a store or in a copy of one, found without the Benchmark itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shapebench.api import packing
from shapebench.api.record import RunRecord
from shapebench.results import ahead, stores

_ORDER = re.compile(r"-(\d+)-(\d+)$")


class NotOneError(Exception):
    """There are no records at this place, or those of several Benchmarks; the text says which, and what to do."""


def records(place: str, namespace: str | None = None, benchmark: str | None = None) -> Iterator[RunRecord]:
    """The records below a URL or a folder, one by one in the order of the runs; of this Benchmark, if one is named.

    Raises NotOneError, `shapebench.results.stores.StoreError`, and ValueError for what is no record of this version.
    """
    store = stores.opened(place if "://" in place else Path(place).absolute().as_uri())
    found: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in map(PurePosixPath, store.paths()):
        if path.name.endswith(packing.SUFFIX) and _is_of(PurePosixPath(place) / path, namespace, benchmark):
            found.setdefault(path.parent, []).append(path)
    if len(found) != 1:
        raise NotOneError(_words(place, list(found), namespace, benchmark))
    (paths,) = found.values()

    def read(path: PurePosixPath) -> RunRecord:
        data = store.read(str(path))
        try:
            if data is None:
                raise ValueError("it is gone")
            return packing.unpacked(data)
        except ValueError as error:
            raise ValueError(f"{place.rstrip('/')}/{path}: {error}") from error

    return ahead.in_order(read, sorted(paths, key=_order))


def _is_of(path: PurePosixPath, namespace: str | None, benchmark: str | None) -> bool:
    """Whether {namespace}/{benchmark}/{uid}/{file}, whole, is of these; of what is not so deep nothing is known."""
    parts = path.parts
    return ((benchmark is None or parts[-3:-2] == (benchmark,))
            and (namespace is None or parts[-4:-3] == (namespace,)))


def _words(place: str, folders: list[PurePosixPath], namespace: str | None, benchmark: str | None) -> str:
    if folders:
        listed = ", ".join(f"{place.rstrip('/')}/{folder}" for folder in folders[:10])
        return f"{place} has the records of {len(folders)} Benchmarks; give one of their folders: {listed}"
    named = f" of Benchmark {benchmark}" if benchmark else ""
    within = f" in namespace {namespace}" if namespace else ""
    return f"{place} has no records{named}{within} (files that end in {packing.SUFFIX})"


def _order(path: PurePosixPath) -> tuple[int, int, str]:
    numbers = _ORDER.search(path.name.removesuffix(packing.SUFFIX))
    return (int(numbers[1]), int(numbers[2]), path.name) if numbers else (0, 0, path.name)
