"""What every dashboard needs beside its panels: its place, its links, the panels' numbers; and its text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from dashboards import variables

TAG = "shapebench"
COMPARE, RUN, OPERATOR = "shapebench-compare", "shapebench-run", "shapebench-operator"
"""The dashboards' uids: links lead to them, also people's own, so they never change."""


class Row(NamedTuple):
    """A heading, and the panels below it from left to right."""

    title: str
    panels: Iterable[Builder[models.Panel]]


def started(uid: str, title: str, asks: str, time_from: str) -> builders.Dashboard:
    """An empty dashboard: `asks` says which question it answers, `time_from` how far back it looks at first."""
    others = (builders.DashboardLink("Shapebench").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
              .as_dropdown(True).include_vars(True).keep_time(True).icon("external link"))
    return (builders.Dashboard(title).uid(uid).description(asks).tags([TAG]).editable()
            .time(time_from, "now").tooltip(models.DashboardCursorSync.CROSSHAIR).link(others)
            .annotations([]).with_variable(variables.datasource()))


def finished(dashboard: builders.Dashboard, rows: Iterable[Row]) -> models.Dashboard:
    """The dashboard with its rows, every panel numbered from 1 in reading order."""
    for row in rows:
        dashboard.with_row(builders.Row(row.title))
        for panel in row.panels:
            dashboard.with_panel(panel)
    built = dashboard.build()
    for number, placed in enumerate(built.panels or (), start=1):
        placed.id_val = number
    return built


def text(dashboard: models.Dashboard) -> str:
    """The dashboard's JSON, stable to the byte."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
