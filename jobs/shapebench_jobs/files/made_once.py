"""A folder of made data, built once for each machine however many processes ask for it at once."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def ensure(root: Path, name: str, last_file: str, write: Callable[[Path], None]) -> Path:
    """The folder `root/name`, made by `write(empty folder)` if it is not there; OSError when it cannot be.

    It is built beside its place and renamed into it, so a folder that exists is complete, even after a crash.
    `last_file` is a file that every complete folder has.
    """
    folder = root / name
    if not (folder / last_file).exists():
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root / f".{name}.lock"):
            if not (folder / last_file).exists():
                _build(folder, last_file, write)
    return folder


def _build(folder: Path, last_file: str, write: Callable[[Path], None]) -> None:
    prefix = f".{folder.name}.{socket.gethostname()}."
    for abandoned in folder.parent.glob(f"{prefix}*"):  # we hold this machine's lock: whoever made it is dead
        shutil.rmtree(abandoned, ignore_errors=True)
    building = folder.with_name(f"{prefix}{os.getpid()}")
    building.mkdir()
    try:
        write(building)
        building.rename(folder)
    except OSError:
        # On a shared file system whose locks end at the machine, another one may have been first: as good as ours.
        if not (folder / last_file).exists():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
