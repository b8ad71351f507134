"""What a reader of a dashboard chooses, and what is worked out from it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The Prometheus that the reader chose: dashboards name none, so they work wherever they are imported."""


def datasource() -> builders.DatasourceVariable:
    """Which Prometheus."""
    return builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def query(name: str, label: str, text: str, asks: str, regex: str = "") -> builders.QueryVariable:
    """One value out of Prometheus, asked for again whenever the time range changes.

    `text` is label_values(…), query_result(…) or a selector, of which each series' text is a value; `regex` cuts the
    values out of what comes back.
    """
    return (builders.QueryVariable(name).label(label).description(asks).datasource(PROMETHEUS).query(text)
            .regex(regex).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.NATURAL_ASC))


def several(variable: builders.QueryVariable) -> builders.QueryVariable:
    """Any number of the values; at first all of them."""
    return (variable.multi(True).include_all(True)
            .current(VariableOption(selected=True, text=["All"], value=["$__all"])))


def number(name: str, label: str, promql: str, asks: str) -> builders.QueryVariable:
    """A whole number that Prometheus works out; of several series the first is what is chosen at first."""
    return query(name, label, f"query_result({promql})", asks, r"/ (-?\d+)(?:\.\d+)? /").sort(VariableSort.DISABLED)


def hidden(variable: builders.QueryVariable) -> builders.QueryVariable:
    """Worked out, not chosen."""
    return variable.hide(VariableHide.HIDE_VARIABLE)


def choice(name: str, label: str, asks: str, options: dict[str, str]) -> builders.CustomVariable:
    """One of some words, each with the value that it stands for; at first the first."""
    first = next(iter(options))
    listed = [VariableOption(selected=text == first, text=text, value=value) for text, value in options.items()]
    return (builders.CustomVariable(name).label(label).description(asks)
            .values(", ".join(f"{text} : {value}" for text, value in options.items()))
            .options(listed).current(listed[0]))


def namespace(seen: str) -> builders.QueryVariable:
    """A namespace that has series with these labels."""
    return query("namespace", "Namespace", f"label_values({{{seen}}}, namespace)", "The Benchmark's namespace.")


def benchmark(seen: str) -> builders.QueryVariable:
    """A Benchmark that has series with these labels."""
    return query("benchmark", "Benchmark", f'label_values({{{seen},namespace="$namespace"}}, benchmark)',
                 "The Benchmark to look at.")
