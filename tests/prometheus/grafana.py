"""What Grafana does between a dashboard's JSON and Prometheus: it fills in variables and asks.

After Grafana's own Prometheus data source (metric_find_query, variables, escaping): label_values(), query_result() and
plain selectors; regexes with one group, of which all matches count with the flag g; values of several put together.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus.server import Answered, Prometheus

Tree = dict[str, Any]
Value = str | tuple[str, ...]
"""Of a variable: one word, or any number of them where several may be chosen."""

ALL = "$__all"
MOST_POINTS = 1000
"""Samples of a panel: about its width in pixels."""
RATE_INTERVAL_S = 4
"""How many steps $__rate_interval is at least."""


@dataclass(frozen=True)
class Range:
    """The time range of a dashboard, in Unix seconds."""

    from_s: float
    to_s: float

    def step_s(self, finest_s: float) -> float:
        """The distance of a query's samples."""
        return max(finest_s, float(-(-(self.to_s - self.from_s) // MOST_POINTS)))


@dataclass(frozen=True)
class View:
    """A dashboard as a person sees it: its variables filled in, over a time range."""

    prometheus: Prometheus
    range: Range
    values: Mapping[str, Value]

    def answer(self, target: Tree) -> list[Answered]:
        """What a panel's query brings."""
        step_s = self.range.step_s(seconds(target.get("interval", "15s")))
        text = filled(target["expr"], self.values, self.range)
        text = text.replace("$__rate_interval", f"{max(step_s + 15, RATE_INTERVAL_S * 15):.0f}s")
        assert "$" not in text, f"not filled in: {text}"
        if target.get("instant"):
            return self.prometheus.query(text, self.range.to_s)
        start_s = self.range.from_s // step_s * step_s
        return self.prometheus.query_range(text, start_s, self.range.to_s, step_s)


def view(dashboard: Tree, prometheus: Prometheus, shown: Range, **chosen: Value) -> View:
    """Open a dashboard: each variable has what its link or the person chose, else what it has at first."""
    values: dict[str, Value] = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        match variable["type"]:
            case "query":
                options = query_options(variable, prometheus, shown, values)
                values[name] = _chosen(variable, options, chosen.get(name))
            case "custom":
                values[name] = _chosen(variable, custom_options(variable), chosen.get(name))
            case "datasource":
                values[name] = "prometheus"
            case other:
                assert other == "adhoc", other
    assert set(chosen) <= set(values)
    return View(prometheus, shown, values)


def query_options(variable: Tree, prometheus: Prometheus, shown: Range, values: Mapping[str, Value]) -> list[str]:
    """What there is to choose from."""
    found = _texts(prometheus, filled(variable["query"], values, shown), shown)
    if variable.get("regex"):
        found = [one for text in found for one in _matches(variable["regex"], text)]
    once = list(dict.fromkeys(found))
    order = variable.get("sort", 0)
    return sorted(once, reverse=order % 2 == 0) if order else once


def custom_options(variable: Tree) -> list[str]:
    """The values of "text : value, text : value"."""
    return [one.partition(" : ")[2].strip() for one in variable["query"].split(",")]


def _chosen(variable: Tree, options: list[str], wanted: Value | None) -> Value:
    """The wanted value, else the variable's current one if there is such an option, else the first."""
    current = wanted if wanted is not None else variable.get("current", {}).get("value")
    if variable.get("multi"):
        if current == [ALL]:
            return tuple(options)
        kept = tuple(one for one in current or () if one in options)
        return kept or tuple(options[:1])
    if wanted is None and current not in options:
        current = options[0] if options else ""
    assert isinstance(current, str)
    return current


def _texts(prometheus: Prometheus, query: str, shown: Range) -> list[str]:
    ends: dict[str, str | float] = {"start": shown.from_s, "end": shown.to_s}
    if labels := re.fullmatch(r"label_values\((.+),\s*(\w+)\)", query):
        return list(_get(prometheus, f"label/{labels[2]}/values", {"match[]": labels[1], **ends}))
    if result := re.fullmatch(r"query_result\((.+)\)", query):
        return [f"{_labels(one.labels)} {one.value:.15g} {shown.to_s * 1000:.0f}"
                for one in prometheus.query(result[1], shown.to_s)]
    assert "(" not in query, f"Grafana knows no {query}"
    return [_labels(one) for one in _get(prometheus, "series", {"match[]": query, **ends})]


def _labels(labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels.get('__name__', '')}{{{shown}}}"


def _matches(regex: str, text: str) -> Iterator[str]:
    """Of each match the group; without the flag g the first match alone."""
    found = re.fullmatch(r"/(.*)/([gi]*)", regex)
    assert found, regex
    for match in re.finditer(found[1], text):
        yield match[1]
        if "g" not in found[2]:
            return


def _get(prometheus: Prometheus, what: str, parameters: Mapping[str, str | float]) -> Any:
    url = f"{prometheus.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.load(response)["data"]


def filled(text: str, values: Mapping[str, Value], shown: Range) -> str:
    """The text with its variables' values; Prometheus' own $__… stay, as its backend fills them in,
    but for $__range_s, which variables have too."""
    def value(match: re.Match[str]) -> str:
        name, form = match[1] or match[3], match[2] or ""
        if name in ("__from", "__to"):
            assert form == "date:seconds"
            return f"{int(shown.from_s if name == '__from' else shown.to_s)}"
        if name == "__range_s":
            return f"{round(shown.to_s - shown.from_s)}"
        if name.startswith("__"):
            return match[0]
        return _form(values[name], form)

    return re.sub(r"\$\{(\w+)(?::([\w:]+))?\}|\$(\w+)", value, text)


def _form(value: Value, form: str) -> str:
    several = (value,) if isinstance(value, str) else value
    match form:
        case "csv":
            return ",".join(several)
        case "doublequote":
            return ",".join(f'"{one}"' for one in several)
    assert not form, form
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("'", "\\\\'")
    escaped = [re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", one.replace("\\", "\\\\\\\\")) for one in several]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def seconds(text: str) -> float:
    """Of an interval."""
    return float(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]
