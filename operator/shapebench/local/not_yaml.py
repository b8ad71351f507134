"""What keeps a file from being YAML: the place, the line itself, and for common slips what to write instead."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

_WIDTH = 100
"""Characters of a line that are shown."""
_HINTS = (
    (r"'\\t'", "write spaces instead of the tab (→)"),
    (r"mapping values are not allowed", "put quotes around a text that has ': ' in it; or this line is indented too "
                                        "far, or the line above lacks its ': '"),
    (r"expected <block end>, but found '<block", "indent this line as those that it belongs with"),
    (r"expected <block end>, but found '[\]}]'", "take this bracket away: there is none that it closes"),
    (r"expected ',' or", "close the bracket of line {line}, or put quotes around a text that has one of {{}}[], in it"),
    (r"node content, but found '<stream end>'", "close the bracket"),
    (r"unexpected end of stream", "close the quote of line {line}"),
    (r"cannot start any token|undefined alias|determine a constructor|unhashable|chomping",
     "put quotes around a text that begins with such a sign"),
)

_BREAK = re.compile("[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML, which is less than str.splitlines takes."""
_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What PyYAML lets through where a number, a date or an escape is none."""


class Loader(yaml.SafeLoader):
    """PyYAML's, but whatever fails is a YAMLError that has its place."""

    def fetch_more_tokens(self) -> None:
        """Reads on; ScannerError for an escape such as `\\U00110000`, too."""
        try:
            super().fetch_more_tokens()
        except _FAILURES as error:
            raise ScannerError(None, None, f"this cannot be read: {error}", self.get_mark()) from error

    def compose_node(self, parent: Any, index: Any) -> Any:
        """One node with all below it; ComposerError where that is too deep for PyYAML."""
        try:
            return super().compose_node(parent, index)
        except RecursionError as error:
            raise ComposerError(None, None, "this is nested too deep", self.get_mark()) from error

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The node's value; ConstructorError where its text is none of its tag's."""
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, int):
                str(value)  # of too many digits (in hexadecimal they can be read) no error could be told later
        except (*_FAILURES, RecursionError) as error:
            tag = node.tag.rpartition(":")[2]
            what = f"this is no {tag}; put quotes around a text (and no !!{tag} before it)"
            raise ConstructorError(None, None, what, node.start_mark) from error
        return value


def told(text: str, error: yaml.YAMLError) -> tuple[str, str]:
    """The place as `:line:column`, and what is wrong with that line of the file's text."""
    if isinstance(error, ReaderError):
        return _shown(text, error.position, f"{error.reason} (U+{error.character:04X}); take it away")
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return "", " ".join(str(error).split())
    problem = error.problem or ""
    opened = error.context_mark or mark
    hint = next((words.format(line=opened.line + 1) for sign, words in _HINTS if re.search(sign, problem)), "")
    end = len(text.rstrip())  # behind it there is nothing to show
    at = min(opened.index if mark.index >= end else mark.index, end)
    return _shown(text, at, f"{problem}; {hint}" if hint else problem)


def _shown(text: str, at: int, what: str) -> tuple[str, str]:
    before = _BREAK.split(text[:at])
    line, column = len(before) - 1, len(before[-1])
    whole = _BREAK.split(text)[line]
    first = max(0, min(column - _WIDTH // 2, len(whole) - _WIDTH))
    excerpt = "".join("→" if one == "\t" else one if one.isprintable() else "·" for one in whole[first:first + _WIDTH])
    return f":{line + 1}:{column + 1}", f"{what}\n    {excerpt}\n    {'^':>{column - first + 1}}"
