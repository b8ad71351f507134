"""The kinds of panels that the dashboards are made of, each with one way to look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
    trend,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.variables import PROMETHEUS

ELAPSED = "elapsed"
"""The x axis of curves that are laid over each other: seconds since the measured part began."""

FINEST = "1s"
"""The smallest step of a query: what the agents sample at. Grafana's own 15 s would make a dot of a short run."""


class Query(NamedTuple):
    """A PromQL expression, and what its series are called: a legend's template, or a table's column."""

    promql: str
    name: str


class Column(NamedTuple):
    """How a table shows one of its columns."""

    unit: str = ""
    hidden: bool = False
    link: tuple[str, str] | None = None
    """Title and URL."""


def curves(title: str, asks: str, elapsed: str, lines: Query, unit: str) -> trend.Panel:
    """Lines over the seconds since their beginning. `elapsed` gives those seconds for each moment of the query."""
    return (trend.Panel().title(title).description(asks).datasource(PROMETHEUS).span(8).height(8)
            .with_target(_over_time("A", Query(elapsed, ELAPSED)))
            .with_target(_over_time("B", lines))
            .with_transformation(_joined("Time")).with_transformation(_arranged({}))
            .x_field(ELAPSED).unit(unit).min(0).line_width(2).fill_opacity(0).show_points(VisibilityMode.AUTO)
            .span_nulls(True)
            .override_by_name(ELAPSED, [DynamicConfigValue("unit", "none"),
                                        DynamicConfigValue("custom.axisLabel", "s")])
            .legend(_legend()).tooltip(_tooltip()))


def lines(title: str, asks: str, queries: Iterable[Query], unit: str) -> timeseries.Panel:
    """Lines over time."""
    panel = (timeseries.Panel().title(title).description(asks).datasource(PROMETHEUS).span(8).height(8)
             .unit(unit).min(0).line_width(2).fill_opacity(5).show_points(VisibilityMode.AUTO)
             .legend(_legend()).tooltip(_tooltip()))
    for letter, one in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(_over_time(letter, one))
    return panel


def bars(title: str, asks: str, field: str, queries: Iterable[Query], unit: str) -> barchart.Panel:
    """A group of bars for each value of the label `field`, a bar of each query."""
    named = {f"Value #{letter}": one.name for letter, one in zip("ABCDEFGH", queries, strict=False)}
    if len(named) == 1:
        named["Value"] = named["Value #A"]
    panel = (barchart.Panel().title(title).description(asks).datasource(PROMETHEUS).span(8).height(8)
             .with_transformation(_merged()).with_transformation(_arranged(named))
             .x_field(field).unit(unit).min(0).orientation(VizOrientation.AUTO).show_value(VisibilityMode.AUTO)
             .group_width(0.7).bar_width(0.9).fill_opacity(80).x_tick_label_max_length(24)
             .legend(_legend()).tooltip(_tooltip()))
    for letter, one in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(_now(letter, one, PromQueryFormat.TABLE))
    return panel


def rows(title: str, asks: str, queries: Iterable[Query], columns: Mapping[str, Column]) -> table.Panel:
    """A row for each set of labels, a column for each label and query. `columns`: by label, or by the query's name."""
    named = {f"Value #{letter}": one.name for letter, one in zip("ABCDEFGH", queries, strict=False)}
    if len(named) == 1:
        named["Value"] = named["Value #A"]
    panel = (table.Panel().title(title).description(asks).datasource(PROMETHEUS).span(24).height(8)
             .unit("none").filterable(True)
             .with_transformation(_merged()).with_transformation(_arranged(named))
             .with_transformation(_parameters_by_name()))
    for letter, one in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(_now(letter, one, PromQueryFormat.TABLE))
    for name, column in columns.items():
        panel.override_by_name(name, list(_looks(column)))
    return panel


def number(title: str, asks: str, one: Query, unit: str, bounds: tuple[float, float] | None = None) -> stat.Panel:
    """A large number for each series. `bounds`: from which values on it is a warning, and a fault."""
    steps = [Threshold(color="green", value=None)]
    if bounds is not None:
        steps += [Threshold(color="orange", value=bounds[0]), Threshold(color="red", value=bounds[1])]
    return (stat.Panel().title(title).description(asks).datasource(PROMETHEUS).span(4).height(4).unit(unit)
            .graph_mode(BigValueGraphMode.NONE)
            .thresholds(builders.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
            .with_target(_now("A", one, PromQueryFormat.TIME_SERIES)))


def buckets(title: str, asks: str, one: Query, unit: str) -> heatmap.Panel:
    """A histogram's buckets over time; the query is summed `by (le)`."""
    return (heatmap.Panel().title(title).description(asks).datasource(PROMETHEUS).span(8).height(8).unit(unit)
            .with_target(_over_time("A", one).format(PromQueryFormat.HEATMAP)))


def _over_time(letter: str, one: Query) -> prometheus.Dataquery:
    return (prometheus.Dataquery().ref_id(letter).datasource(PROMETHEUS).expr(one.promql).legend_format(one.name)
            .range().interval(FINEST).format(PromQueryFormat.TIME_SERIES))


def _now(letter: str, one: Query, format_: PromQueryFormat) -> prometheus.Dataquery:
    return (prometheus.Dataquery().ref_id(letter).datasource(PROMETHEUS).expr(one.promql).legend_format(one.name)
            .instant().format(format_))


def _joined(field: str) -> DataTransformerConfig:
    return DataTransformerConfig("joinByField", options={"byField": field, "mode": "outer"})


def _merged() -> DataTransformerConfig:
    return DataTransformerConfig("merge", options={})


def _arranged(names: Mapping[str, str]) -> DataTransformerConfig:
    """Without the moment of the query, and with these names for the columns."""
    return DataTransformerConfig("organize", options={
        "excludeByName": {"Time": True}, "indexByName": {}, "renameByName": dict(names)})


def _parameters_by_name() -> DataTransformerConfig:
    """parameter_batchSize is batchSize."""
    return DataTransformerConfig("renameByRegex", options={"regex": "^parameter_(.*)$", "renamePattern": "$1"})


def _looks(column: Column) -> Iterable[DynamicConfigValue]:
    if column.unit:
        yield DynamicConfigValue("unit", column.unit)
    if column.hidden:
        yield DynamicConfigValue("custom.hidden", True)  # up to Grafana 12.1
        yield DynamicConfigValue("custom.hideFrom", {"viz": True, "legend": False, "tooltip": False})
    if column.link is not None:
        yield DynamicConfigValue("links", [{"title": column.link[0], "url": column.link[1]}])


def _legend() -> common.VizLegendOptions:
    return (common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
            .show_legend(True))


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
