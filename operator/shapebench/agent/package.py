"""Builds the agent as one executable file: `python -m shapebench.agent.package OUT.pyz`.

The same sources give the same bytes: fixed times, fixed order, no compression (zlib versions differ). Of
prometheus-client only the data model and the text format go in, below an empty package file: the package's own
imports HTTP, TLS and WSGI servers that the agent never uses, 10 MB of memory in every pod.
"""

from __future__ import annotations

import importlib.metadata
import io
import sys
import zipfile
from pathlib import Path

_SHEBANG = b"#!/usr/bin/env python3\n"
_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip file can say."""

_MAIN = """\
import sys

if sys.version_info < (3, 9):
    sys.exit("shapebench-agent: this image's python3 is %d.%d; the agent needs 3.9 or newer: set agentPython: Bundled "
             "in the workload, which brings one along" % sys.version_info[:2])

from shapebench.agent.__main__ import main

sys.exit(main(sys.argv[1:]))
"""

_PROMETHEUS = "prometheus_client"
_PROMETHEUS_MODULES = ("metrics_core.py", "registry.py", "samples.py", "utils.py", "validation.py",
                       "openmetrics/__init__.py", "openmetrics/exposition.py")
_OWN_BESIDE_AGENT = ("__init__.py", "api/__init__.py", "api/wire.py")


def contents() -> dict[str, bytes]:
    """The archive's files by name."""
    package = Path(__file__).resolve().parents[1]
    own = [package / name for name in _OWN_BESIDE_AGENT]
    own += [path for path in sorted((package / "agent").glob("*.py")) if path.name != Path(__file__).name]
    files = {f"shapebench/{path.relative_to(package).as_posix()}": path.read_bytes() for path in own}
    files["__main__.py"] = _MAIN.encode()
    files[f"{_PROMETHEUS}/__init__.py"] = b""
    for name, data in _prometheus().items():
        files[name] = data
    return files


def _prometheus() -> dict[str, bytes]:
    """The modules of prometheus-client that are used, with its licence and notice."""
    distribution = importlib.metadata.distribution("prometheus_client")
    files: dict[str, bytes] = {}
    for name in _PROMETHEUS_MODULES:
        inside = f"{_PROMETHEUS}/{name}"
        files[inside] = Path(str(distribution.locate_file(inside))).read_bytes()
    for entry in distribution.files or []:
        if entry.name in ("LICENSE", "NOTICE"):
            files[f"{_PROMETHEUS}/{entry.name}"] = Path(str(entry.locate())).read_bytes()
    return files


def build(out: Path) -> None:
    """Write the zipapp, executable."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(contents().items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, on whatever machine it is built
            archive.writestr(entry, data)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(_SHEBANG + buffer.getvalue())
    out.chmod(0o755)


def main(argv: list[str]) -> int:
    """Build to the one path given."""
    if len(argv) != 1:
        print("usage: python -m shapebench.agent.package OUT.pyz", file=sys.stderr)
        return 2
    build(Path(argv[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
