"""Where the runs ran: the facts that all records share, and those in which they differ."""

from __future__ import annotations

from collections.abc import Sequence

from shapebench.analysis import peers
from shapebench.api.record import RunRecord

_EACH_ITS_OWN = (peers.IO_PRESSURE,)
"""What no two runs have alike, and what tells nothing of where they ran."""
_SHOWN_LENGTH = 300
_SHOWN_VALUES = 4


def facts(records: Sequence[RunRecord]) -> tuple[tuple[str, str], ...]:
    """Pairs of name and text; where runs differ, the text has each value that occurs."""
    backends = sorted({record.backend for record in records})
    values: dict[str, list[str]] = {}
    for record in records:
        images = {f"image of {role}": digest for role, digest in record.images.items()}
        for name, value in (record.environment | images).items():
            if name in _EACH_ITS_OWN:
                continue
            seen = values.setdefault(name, [])
            if value not in seen:
                seen.append(value)
    return (("backend", ", ".join(backends)), *((name, _text(seen)) for name, seen in sorted(values.items())))


def _text(seen: list[str]) -> str:
    if len(seen) == 1:
        return seen[0][:_SHOWN_LENGTH]
    more = f" | … ({len(seen)} values)" if len(seen) > _SHOWN_VALUES else ""
    return "differs: " + " | ".join(value[:_SHOWN_LENGTH] for value in seen[:_SHOWN_VALUES]) + more
