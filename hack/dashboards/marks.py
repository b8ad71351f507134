"""Vertical lines at moments that Prometheus knows as values."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.variables import PROMETHEUS


class Mark(Builder[models.AnnotationQuery]):
    """A line where the value of a query is a moment, in Unix milliseconds."""

    def __init__(self, name: str, promql: str, colour: str) -> None:
        self._query = _AtValue(name=name, datasource=PROMETHEUS, enable=True, icon_color=colour, expr=promql)

    def build(self) -> models.AnnotationQuery:
        """The annotation."""
        return self._query


class _AtValue(models.AnnotationQuery):
    """The SDK does not know the Prometheus data source's own options of annotations."""

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "useValueForTime": "on", "step": "60s", "titleFormat": self.name}
