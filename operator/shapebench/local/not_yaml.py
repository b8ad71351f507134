"""What keeps a file from being YAML: the place, the line itself, and for common slips what to write instead."""

from __future__ import annotations

import re

import yaml
from yaml.reader import ReaderError

_WIDTH = 100
"""Characters of a line that are shown."""
_HINTS = (
    (r"'\\t'", "write spaces instead of the tab (→)"),
    (r"mapping values are not allowed", "put quotes around a text that has ': ' in it; or this line is indented too "
                                        "far, or the line above lacks its ': '"),
    (r"expected <block end>, but found '<block", "indent this line as those that it belongs with"),
    (r"expected <block end>, but found '[\]}]'", "take this bracket away: there is none that it closes"),
    (r"expected ',' or", "close the bracket of line {line}, or put quotes around a text that has one of {{}}[], in it"),
    (r"unexpected end of stream", "close the quote of line {line}"),
    (r"cannot start any token|undefined alias|determine a constructor|unhashable|chomping",
     "put quotes around a text that begins with such a sign"),
)


def told(text: str, error: yaml.YAMLError) -> tuple[str, str]:
    """The place as `:line:column`, and what is wrong with that line of the file's text."""
    if isinstance(error, ReaderError):
        before = text[:error.position].splitlines(keepends=True) or [""]
        return _shown(text, len(before) - 1, len(before[-1]), f"{error.reason} (U+{error.character:04X}); take it away")
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return "", " ".join(str(error).split())
    problem = error.problem or ""
    opened = error.context_mark or mark
    hint = next((words.format(line=opened.line + 1) for sign, words in _HINTS if re.search(sign, problem)), "")
    at = opened if mark.line >= len(text.splitlines()) else mark  # behind the end there is nothing to show
    return _shown(text, at.line, at.column, f"{problem}; {hint}" if hint else problem)


def _shown(text: str, line: int, column: int, what: str) -> tuple[str, str]:
    whole = text.splitlines()[line]
    first = max(0, min(column - _WIDTH // 2, len(whole) - _WIDTH))
    excerpt = "".join("→" if one == "\t" else one if one.isprintable() else "·" for one in whole[first:first + _WIDTH])
    return f":{line + 1}:{column + 1}", f"{what}\n    {excerpt}\n    {'^':>{column - first + 1}}"
