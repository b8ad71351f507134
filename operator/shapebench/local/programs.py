"""Which files of a Benchmark are the user's own program, and what version of it they hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from shapebench.api.benchmark import BenchmarkSpec

_SCRIPTS = (".py", ".sh")


def words(spec: BenchmarkSpec) -> Mapping[str, str]:
    """What can only be a program, by its field below spec.workload: files, or names that PATH finds."""
    spark, tensorflow = spec.workload.spark, spec.workload.tensorflow
    if spark is not None and spark.application:
        return {"spark.application": spark.application}
    return {f"tensorflow.command[{index}]": word for index, word in _of(tensorflow.command if tensorflow else ())}


def digests(spec: BenchmarkSpec) -> Mapping[str, str]:
    """The digest of each of these files that is here. What a program imports or starts itself is in none."""
    found = {}
    for field, word in words(spec).items():
        # The first word is looked for in PATH unless it has a /; a later one without a suffix may be data.
        if word.endswith(_SCRIPTS) or ("/" in word and field.endswith(("application", "[0]"))):
            with suppress(OSError), Path(word).open("rb") as file:
                found[word] = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return found


def _of(command: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The words, with their places, that can only be a program: any later one may be data, or a file to be made."""
    for index, word in enumerate(command):
        if index == 0 or not word.startswith("-"):
            yield index, word
            if index > 0 or word.endswith(_SCRIPTS):
                return
        elif re.fullmatch("-[A-Za-z]*[cm]", word):  # what follows is code or a module, also after `bash -lc`
            return
