"""Small files of the kernel, read whole: they are made anew at every reading from their beginning."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 65536


def read_text(path: Path | str) -> str | None:
    """The file's text, or None where it does not exist or may not be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _whole(fd)
    finally:
        os.close(fd)


def read_start(path: Path, length: int) -> str:
    """So many bytes of the file's beginning; empty where it does not exist."""
    try:
        with path.open("rb", buffering=0) as file:
            return (file.read(length) or b"").decode(errors="replace")
    except OSError:
        return ""


class KernelFile:
    """A file that is read again and again: opened once, which spares most of a reading's time."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._fd = -1

    def text(self) -> str | None:
        """The text now; None where the file does not exist (it may come later) or may not be read."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return None
        return _whole(self._fd)

    def close(self) -> None:
        """Read it no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def number(self) -> int | None:
        """The one number that the file holds."""
        text = (self.text() or "").strip()
        return int(text) if text.isdigit() else None

    def table(self) -> dict[str, int]:
        """Its lines of the form `key number`."""
        rows: list[list[str]] = [line.split() for line in (self.text() or "").splitlines()]
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _whole(fd: int) -> str | None:
    """From the beginning to the end: the kernel gives a long file in several pieces."""
    chunks: list[bytes] = []
    at = 0
    try:
        while True:
            chunk = os.pread(fd, _CHUNK_BYTES, at)
            if not chunk:
                return b"".join(chunks).decode()
            chunks.append(chunk)
            at += len(chunk)
    except (OSError, UnicodeDecodeError):
        return None
