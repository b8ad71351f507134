"""The few HTML elements that the report is made of. Every text is escaped here, and only here."""

from __future__ import annotations

import html
from collections.abc import Sequence


def text(content: str) -> str:
    """A text inside an element or an attribute."""
    return html.escape(content)


def section(title: str, content: str) -> str:
    """A section of the page; nothing where it would be empty."""
    return f"<section>\n<h2>{text(title)}</h2>\n{content}</section>\n" if content else ""


def grid(head: str, body: str) -> str:
    """A table that scrolls by itself where the page is too narrow for it."""
    return f'<div class="wide">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n'


def cell(tag: str, content: str, left: bool = False) -> str:
    """A table's cell (td) or head (th); `left` for words, else right-aligned."""
    return f'<{tag} class="words">{text(content)}</{tag}>' if left else f"<{tag}>{text(content)}</{tag}>"


def rows(titles: Sequence[tuple[str, bool]], lines: Sequence[Sequence[str]]) -> str:
    """A table of texts; `titles` tells each column's head and whether it holds words."""
    head = "".join(cell("th", title, left) for title, left in titles)
    body = "".join("<tr>" + "".join(cell("td", content, left) for content, (_, left)
                                    in zip(line, titles, strict=True)) + "</tr>\n" for line in lines)
    return grid(head, body)


def figure(drawing: str, caption: str) -> str:
    """A drawing with its caption."""
    return f"<figure>\n{drawing}\n<figcaption>{text(caption)}</figcaption>\n</figure>\n"


def paragraph(content: str) -> str:
    """A sentence or two."""
    return f"<p>{text(content)}</p>\n"


def notes(items: Sequence[str]) -> str:
    """A list of remarks; nothing without any."""
    if not items:
        return ""
    return '<ul class="notes">\n' + "".join(f"<li>{text(capital(one))}</li>\n" for one in items) + "</ul>\n"


def folded(title: str, content: str) -> str:
    """Content that the reader opens."""
    return f"<details>\n<summary>{text(title)}</summary>\n{content}</details>\n"


def capital(content: str) -> str:
    """A sentence's first letter; not that of "4x1"."""
    return content[:1].upper() + content[1:] if content[:2].isalpha() else content
