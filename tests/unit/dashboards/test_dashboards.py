"""The dashboards' JSON: what Grafana needs to import them anywhere, and what a reader needs to understand them."""

from __future__ import annotations

import json
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from shapebench.api.run import MEASUREMENTS_LIMIT
from shapebench.metrics import facts
from shapebench.remote_write import names

Tree = dict[str, Any]
ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "manifests" / "dashboards"
CHART = ROOT / "helm" / "shapebench" / "files" / "dashboards"
DASHBOARDS: dict[str, Tree] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
GRID_WIDTH = 24


@pytest.fixture(params=DASHBOARDS)
def dashboard(request: pytest.FixtureRequest) -> Tree:
    return DASHBOARDS[request.param]


def panels(dashboard: Tree) -> list[Tree]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(dashboard: Tree) -> list[Tree]:
    found: list[Tree] = dashboard["templating"]["list"]
    return found


def texts(dashboard: Tree) -> list[str]:
    """Everything that Prometheus is asked."""
    return [*(target["expr"] for panel in panels(dashboard) for target in panel["targets"]),
            *(one["query"] for one in variables(dashboard) if one["type"] == "query"),
            *(one["expr"] for one in dashboard["annotations"]["list"])]


def test_there_are_three_and_the_chart_has_them_too() -> None:
    assert set(DASHBOARDS) == {"shapebench-compare", "shapebench-run", "shapebench-operator"}
    assert {path.name: path.read_text() for path in CHART.iterdir()} == {
        path.name: path.read_text() for path in FOLDER.iterdir()}


def test_it_can_be_imported_anywhere(dashboard: Tree) -> None:
    """A stable uid that links may rely on; no data source, no input and no number of one Grafana's own."""
    assert dashboard["uid"] in DASHBOARDS
    assert len(dashboard["uid"]) <= 40
    assert not {"__inputs", "__requires", "id"} & set(dashboard)
    assert variables(dashboard)[0]["type"] == "datasource"
    assert variables(dashboard)[0]["query"] == "prometheus"


def test_every_query_goes_to_the_chosen_prometheus(dashboard: Tree) -> None:
    asking = [*panels(dashboard), *(target for panel in panels(dashboard) for target in panel["targets"]),
              *(one for one in variables(dashboard) if one["type"] in ("query", "adhoc")),
              *dashboard["annotations"]["list"]]
    assert all(one["datasource"] == PROMETHEUS for one in asking)


def test_panels_have_numbers_of_their_own(dashboard: Tree) -> None:
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_panels_lie_beside_each_other(dashboard: Tree) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in dashboard["panels"]]
    for title, one in places:
        assert one["x"] + one["w"] <= GRID_WIDTH, title
    for (title, one), (other_title, other) in combinations(places, 2):
        apart = (one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
                 or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"])
        assert apart, (title, other_title)


def test_rows_have_panels(dashboard: Tree) -> None:
    kinds = [panel["type"] for panel in dashboard["panels"]]
    assert kinds[0] == "row"
    assert ("row", "row") not in set(pairwise(kinds))
    assert kinds[-1] != "row"


def test_each_panel_says_what_it_answers_and_in_which_unit(dashboard: Tree) -> None:
    titles = [panel["title"] for panel in panels(dashboard)]
    assert len(titles) == len(set(titles))
    for panel in panels(dashboard):
        assert "?" in panel["description"] or panel["type"] == "table", panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


def test_each_variable_says_what_it_is(dashboard: Tree) -> None:
    for one in variables(dashboard):
        assert one.get("hide") == 2 or one["label"], one["name"]
        assert one["type"] == "datasource" or one["description"], one["name"]


def test_variables_are_there_before_they_are_used(dashboard: Tree) -> None:
    known: set[str] = set()
    for one in variables(dashboard):
        assert used(one["query"] if one["type"] == "query" else "") <= known
        known.add(one["name"])
    assert set().union(*map(used, texts(dashboard))) <= known


def test_no_variable_is_idle(dashboard: Tree) -> None:
    needed = set().union(*map(used, texts(dashboard))) | {"datasource", "filters"}
    assert {one["name"] for one in variables(dashboard)} <= needed


def used(text: str) -> set[str]:
    """The variables in a query, Grafana's own left out."""
    return {name for pair in re.findall(r"\$\{(\w+)|\$(\w+)", text) for name in pair if name and name[:2] != "__"}


def families() -> set[str]:
    """Every metric that Shapebench offers, as it is in Prometheus."""
    own = {f"{name}{end}" for name in ("shapebench_reconcile_seconds",) for end in ("_bucket", "_count", "_sum")}
    remote = {f"shapebench_remote_write_{name}" for name in (
        "runs_total", "samples_total", "retries_total", "pending_runs", "failing_seconds")}
    pods = {names.POD + end for end in names.SUFFIXES.values()}
    aligned = {names.ALIGNED + end for end in names.ALIGNED_SUFFIXES.values()}
    return {*facts.FAMILIES, *own, *remote, *pods, *aligned, "shapebench_last_event_age_seconds"}


def test_every_metric_is_one_of_ours(dashboard: Tree) -> None:
    asked = {name.replace("${part}", part) for text in texts(dashboard)
             for name in re.findall(r"shapebench_(?:\w|\$\{part\})+", text) for part in ("usage", "measured_usage")}
    assert asked
    assert asked <= families()


def test_every_counter_of_a_pod_is_shown() -> None:
    """In the run's dashboard each pod's, in the comparison the run's."""
    shown = {name: " ".join(texts(DASHBOARDS[name])) for name in DASHBOARDS}
    for column, end in names.SUFFIXES.items():
        assert f"{names.POD}{end}{{" in shown["shapebench-run"], column
        assert f"{names.ALIGNED}{end}{{" in shown["shapebench-compare"], column


def test_panels_of_measurements_say_how_many_rows_there_are() -> None:
    asking = [panel for one in DASHBOARDS.values() for panel in panels(one)
              if any("shapebench_run_measurement" in target["expr"] for target in panel["targets"])]
    assert len(asking) == 2
    assert all(f"Of each run the first {MEASUREMENTS_LIMIT} rows are here" in panel["description"] for panel in asking)


def test_rates_are_over_a_window_that_is_chosen(dashboard: Tree) -> None:
    """Not Grafana's own, of a minute at least: a run may be three seconds long."""
    windows = {window for text in texts(dashboard)
               for window in re.findall(r"(?:rate|increase)\([^\[]*\[([^\]]*)\]", text)}
    assert windows == {"shapebench-compare": set(), "shapebench-run": {"${window}s"},
                       "shapebench-operator": {"$window"}}[dashboard["uid"]]


def test_curves_are_drawn_over_the_seconds_since_their_beginning() -> None:
    curves = [panel for panel in panels(DASHBOARDS["shapebench-compare"]) if panel["type"] == "trend"]
    assert len(curves) == 12
    for panel in curves:
        assert panel["options"]["xField"] == "elapsed"
        assert [target["legendFormat"] for target in panel["targets"]] == ["elapsed", "{{cell}} {{run}}"]
        assert {target["interval"] for target in panel["targets"]} == {"1s"}
        assert [one["id"] for one in panel["transformations"]] == ["joinByField", "organize"]
