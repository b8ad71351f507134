"""What a GET of a record is answered with, where the store is a volume that only the operator's pod mounts.

The API server hands such a request on without saying who asks, so whoever knows a path may read it. The path holds the
Benchmark's uid, which is told to those alone who may read the Benchmark; nothing is listed.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from shapebench.api import packing
from shapebench.handlers.endpoints import Answer
from shapebench.results.keeper import Keeper
from shapebench.results.stores import StoreError

_TEXT = "text/plain; charset=utf-8"
_PATH = re.compile(rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*/){{3}}[a-z0-9][a-z0-9.-]*{re.escape(packing.SUFFIX)}")


def answer(keeper: Keeper, path: str) -> Answer:
    """The gzipped record at a path of the store."""
    asked = unquote(path)
    if not _PATH.fullmatch(asked):
        return 404, _TEXT, b"here are /records/NAMESPACE/BENCHMARK/UID/RUN.json.gz\n"
    try:
        file = keeper.packed(asked)
    except StoreError as error:
        return 503, _TEXT, f"{error}\n".encode()
    return (404, _TEXT, b"there is no such record\n") if file is None else (200, "application/gzip", file)
