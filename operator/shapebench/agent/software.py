"""Which versions of the frameworks are installed around the program, told without starting or importing any.

The shipped jobs tell what they really run; this is for programs that tell nothing. It reads names of folders and two
small files, so that an agent that starts a short program does not think about it for long.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shapebench.agent.files import read_text
from shapebench.api import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PACKAGE = re.compile(r"(?P<name>pyspark|tensorflow|tf_keras|keras)(?:_(?:cpu|gpu|intel|rocm|macos|cpu_aws))?"
                      r"-(?P<version>[0-9][^-]*)\.dist-info", re.IGNORECASE)
_SPARK_CORE = re.compile(r"spark-core_[0-9.]+-(?P<version>.+)\.jar")
_JAVA_VERSION = re.compile(r'^JAVA_VERSION="(?P<version>[^"]+)"', re.MULTILINE)
_PYTHON = re.compile(r"python(?P<version>3\.[0-9]+)")
_SPARK_ROLES = (wire.ROLE_DRIVER, wire.ROLE_EXECUTOR)


def installed(role: str, env: Mapping[str, str]) -> dict[str, str]:
    """Versions by name, of what matters to the role."""
    python, folders = _python(env)
    packages = dict(_packages(folders))
    facts = {"python": python}
    if role in _SPARK_ROLES:
        facts.update(spark=_spark(env.get("SPARK_HOME") or "/opt/spark") or packages.get("pyspark"), java=_java(env))
    else:
        facts.update((name, packages.get(name)) for name in ("tensorflow", "keras", "tf_keras"))
    return {name: version for name, version in facts.items() if version}


def _python(env: Mapping[str, str]) -> tuple[str | None, Iterable[str]]:
    """The program's Python, and where it looks for packages: this one, unless it came with the agent."""
    if not Path(sys.prefix).is_relative_to(wire.AGENT_PYTHON_DIR):
        return ".".join(str(part) for part in sys.version_info[:3]), sys.path
    return _of_image(env)


def _of_image(env: Mapping[str, str]) -> tuple[str | None, Iterable[str]]:
    """The Python of the image's virtual environment, else the one that a shell would start; by names of files alone."""
    inner = {**env, "PATH": f"{env.get('VIRTUAL_ENV', '')}/bin"} if env.get("VIRTUAL_ENV") else env
    program = _program("python3", inner) or _program("python3", env) or _program("python", env)
    if not program:
        return None, ()
    real = Path(os.path.realpath(program))
    home, below = Path(program).parent.parent, real.parent.parent
    homes = [home]
    # Without a word of it a folder is no virtual environment, and Debian's packages lie apart from its Python's own.
    if "include-system-site-packages = false" not in (read_text(home / "pyvenv.cfg") or ""):
        homes += [below, Path("/usr/local"), Path("/usr")]
    version = _version(real.name, (home, below))
    pythons = (f"python{version}", "python3") if version else ("python3",)
    return version, [f"{one}/lib/{python}/{kind}-packages" for one in dict.fromkeys(homes)
                     for python in pythons for kind in ("site", "dist")]


def _version(program: str, homes: Iterable[Path]) -> str | None:
    """Of the program's name, else of the only library beside it."""
    named = _PYTHON.fullmatch(program)
    if named:
        return named["version"]
    for home in homes:
        beside = {found["version"] for found in map(_PYTHON.fullmatch, _names(home / "lib")) if found}
        if len(beside) == 1:
            return beside.pop()
    return None


def _packages(folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names and versions; the last one told is the one that an import would find first."""
    for folder in reversed([one for one in folders if one]):
        for name in _names(Path(folder)):
            found = _PACKAGE.fullmatch(name)
            if found:
                yield found["name"].lower(), found["version"]


def _spark(home: str) -> str | None:
    """The version of the Spark in this folder, by its core's jar."""
    found = (_SPARK_CORE.fullmatch(name) for name in _names(Path(home, "jars")))
    return next((one["version"] for one in found if one), None)


def _java(env: Mapping[str, str]) -> str | None:
    """The version in the runtime's own `release` file."""
    program = _program("java", env)
    homes = [env.get("JAVA_HOME"), str(Path(program).resolve().parents[1]) if program else None]
    for home in filter(None, homes):
        found = _JAVA_VERSION.search(read_text(Path(home, "release")) or "")
        if found:
            return found["version"]
    return None


def _program(name: str, env: Mapping[str, str]) -> str | None:
    """Where a shell would find it (shutil would import two packers for it: memory of the pod's)."""
    paths = (f"{folder}/{name}" for folder in (env.get("PATH") or os.defpath).split(os.pathsep) if folder)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _names(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return [one.name for one in folder.iterdir()]
    return []
