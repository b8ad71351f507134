"""The folder of each machine where jobs keep and reuse what they make."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

ENV_DATA_DIR = "SHAPEBENCH_DATA_DIR"
POD_DATA_DIR = Path("/shapebench/data")
"""Scratch space of a run's pods; used when it is there."""


def add_option(group: argparse._ActionsContainer, what: str) -> None:
    """--data-dir; `what` says what lies there."""
    group.add_argument("--data-dir", type=Path, default=None, metavar="DIR",
                       help=f"{what} (default: ${ENV_DATA_DIR}, else {POD_DATA_DIR} where it can be written, else the "
                       "temporary folder)")


def chosen(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder, absolute: as given, as the environment says, or where there is room."""
    if given is not None:
        return given.absolute()
    if environ.get(ENV_DATA_DIR):
        return Path(environ[ENV_DATA_DIR]).absolute()
    if os.access(POD_DATA_DIR, os.W_OK):
        return POD_DATA_DIR
    return Path(tempfile.gettempdir()) / f"shapebench-data-{os.getuid()}"
