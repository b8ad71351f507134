"""A matplotlib figure as SVG that can stand inside a page: its text follows the page's colours, its ids are its own."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INK, FAINT = "#010203", "#040506"
"""Stand-ins while drawing; in the page they become the colours of text and of lines, in light and in dark."""

COLOURS = ("#3b82f6", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#14b8a6", "#ec4899", "#84cc16")
"""Of blocks or groups: told apart on white and on black."""

_THEME = {INK: "var(--ink)", FAINT: "var(--line)"}


@contextmanager
def style() -> Iterator[None]:
    """Draw within this: plain axes, text as text (searchable, in the page's font), the same bytes every time."""
    import matplotlib as mpl

    with mpl.rc_context({
        "svg.fonttype": "none", "svg.hashsalt": "shapebench", "font.size": 10, "axes.edgecolor": FAINT,
        "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False,
        "axes.spines.right": False, "axes.spines.left": False, "axes.grid": True, "axes.grid.axis": "x",
        "grid.color": FAINT, "axes.axisbelow": True, "legend.frameon": False, "figure.constrained_layout.use": True,
    }):
        yield


def inline(figure: Any, name: str, description: str) -> str:
    """The figure as an <svg> element. `name` makes its ids unique, `description` is its alternative text."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="([^"]+)"', rf' id="{name}-\1"', text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{name}-", text)
    text = re.sub(r"font: ([0-9.]+)px [^;\"]+", r"font-size: \1px", text)
    for stand_in, colour in _THEME.items():
        text = text.replace(stand_in, colour)
    label = html.escape(description, quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}" class="chart"', 1)
