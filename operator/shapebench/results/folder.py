"""A store in a folder: a mounted claim in the operator's pod, or a copy of one on somebody's machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from shapebench.results.stores import StoreError

_PARTIAL = ".partial"


class Folder:
    """Implements `shapebench.results.stores.Store`. A reader sees a file whole or not at all, also after a crash."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def write(self, path: str, data: bytes) -> None:
        """Write beside the place, let the disk have it, then rename: a full disk shows before anything is replaced."""
        target = self._file(path)
        partial = target.with_name(f".{target.name}{_PARTIAL}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as out:
                    out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                partial.replace(target)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror or error}") from error

    def read(self, path: str) -> bytes | None:
        """The file's content; None when there is none."""
        file = self.opened(path)
        if file is None:
            return None
        try:
            with file:
                return file.read()
        except OSError as error:
            raise StoreError(f"cannot read {self._file(path)}: {error.strerror or error}") from error

    def opened(self, path: str) -> BinaryIO | None:
        """The file, to be read in pieces and closed; None when there is none."""
        target = self._file(path)
        try:
            return target.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"cannot read {target}: {error.strerror or error}") from error

    def paths(self) -> Iterator[str]:
        """The paths of all files below the folder, sorted."""
        if not self._root.is_dir():
            raise StoreError(f"cannot read {self._root}: there is no such folder")
        yield from sorted(str(file.relative_to(self._root)) for file in self._root.rglob("*")
                          if file.is_file() and not file.name.endswith(_PARTIAL))

    def _file(self, path: str) -> Path:
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            raise StoreError(f"{path}: leads out of the store")
        return self._root / path
