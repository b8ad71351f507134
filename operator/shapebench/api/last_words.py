"""What a failed program said last, for people: one function for both backends."""

from __future__ import annotations

import re

from shapebench.api import wire

LINES, CHARS = 15, 1500
_TRACEBACK = "Traceback (most recent call last):"
_AFTERWARDS = re.compile(
    r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+ "  # Spark's own log
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IWEF] |[IWEF]\d{4} \d\d:\d\d:[\d.]+ "  # TensorFlow's, in its two forms
    r"|shapebench-agent: ")  # the agent's word on what the program left behind
_CAUSES = re.compile(r"Caused by: |[a-z]\w*(\.\w+)+(Exception|Error)\b")


def of_log(log: str) -> str:
    """The last lines of a log, without the agent's record and without a Java trace's frames, which hide its causes.

    Where a Python program failed, they end with its error: a JVM or TensorFlow that dies of it may have much to say.
    """
    lines = [line for line in log.splitlines() if line.strip() and wire.RECORD_LINE_PREFIX not in line
             and not line.startswith(("\tat ", "\t... "))]
    return "\n".join(lines[:_end(lines)][-LINES:])[-CHARS:]


def _end(lines: list[str]) -> int:
    """How many of the lines count: those after the last error of Python only where they are more than its aftermath."""
    error = next((number for number in reversed(range(len(lines))) if lines[number] == _TRACEBACK), len(lines))
    after = next((number for number in range(error, len(lines)) if _AFTERWARDS.match(lines[number])), len(lines))
    rest = lines[after:]
    return after if all(_AFTERWARDS.match(line) or _CAUSES.match(line) for line in rest) else len(lines)
