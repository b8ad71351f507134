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
_PYTHON = re.compile(r"(?P<prefix>.*)/bin/python(?P<version>3\.[0-9]+)")
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
    program = _program("python3", env)
    found = _PYTHON.fullmatch(os.path.realpath(program)) if program else None
    if not found:
        return None, ()
    libraries = (f"{found['prefix']}/lib", "/usr/local/lib", "/usr/lib")
    return found["version"], [f"{library}/{python}/{kind}-packages" for library in libraries
                              for python in (f"python{found['version']}", "python3") for kind in ("site", "dist")]


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
