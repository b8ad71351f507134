"""Kubernetes quantities ("500m", "2Gi") as numbers, and back.

Only the forms that the CRD accepts: CPU in cores or millicores, memory in bytes with a binary or decimal suffix.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

CPU_PATTERN = r"^([0-9]+(\.[0-9]{1,3})?|[0-9]+m)$"
MEMORY_PATTERN = r"^([0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)|[0-9]{7,})$"
"""Without a unit these are bytes: so few of them that they are less than 1 MB were meant to have one."""
PRICE_PATTERN = r"^[0-9]+(\.[0-9]+)?$"
DURATION_PATTERN = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
SHARE_PATTERN = r"^(0(\.[0-9]+)?|1(\.0+)?)$"
INTERVAL_PATTERN = r"^([1-9][0-9]{2}ms|[1-9]s|[1-5][0-9]s|60s)$"

_MEMORY_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
                 "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_DURATION_UNITS_S = {"h": 3600, "m": 60, "s": 1}


def cpu_cores(text: str | int) -> float:
    """Cores of "2", "0.5" or "500m". Raises ValueError for anything else."""
    written = str(text)
    if not re.fullmatch(CPU_PATTERN, written):
        raise ValueError(f"{text!r} is not a CPU quantity; write cores ('2', '0.5') or millicores ('500m')")
    return float(Decimal(written.removesuffix("m")) / (1000 if written.endswith("m") else 1))


def cpu_text(cores: float) -> str:
    """The shortest quantity for so many cores: "2", "500m"."""
    millicores = round(cores * 1000)
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def task_slots(cores: float) -> int:
    """How many tasks a worker of so much CPU runs at once: whole, at least one."""
    return max(1, math.ceil(cores))


def memory_bytes(text: str | int) -> int:
    """Bytes of "512Mi", "2G" or "1073741824". Raises ValueError for anything else."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|k|M|G|T|)", str(text))
    if not match:
        raise ValueError(f"{text!r} is not a memory quantity; write for example '512Mi' or '2Gi'")
    return int(Decimal(match[1]) * _MEMORY_UNITS[match[2]])


def duration_s(text: str) -> int:
    """Seconds of "90s", "5m" or "1h30m". Raises ValueError for anything else, the empty string too."""
    if not text or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration; write for example '90s', '5m' or '1h30m'")
    return sum(int(number) * _DURATION_UNITS_S[unit] for number, unit in re.findall(r"([0-9]+)([hms])", text))


def interval_s(text: str) -> float:
    """Seconds of "100ms" or "2s". Raises ValueError for anything else."""
    if not re.fullmatch(INTERVAL_PATTERN, text):
        raise ValueError(f"{text!r} is not an interval; write 100ms to 999ms, or 1s to 60s")
    return int(text.removesuffix("ms")) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))


def duration_text(seconds: float) -> str:
    """A duration as people say it: "45s", "5m10s", "2h3m"."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    if minutes:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    return f"{rest}s"
