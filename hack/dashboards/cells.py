"""Queries that put the runs of one Benchmark into cells, whatever its parameters are called.

Which labels make a cell is the variable `by`: the shape and the Benchmark's own parameters, which Grafana reads off
the series. Each cell gets one label more, `cell`, with those labels' values, for legends and axes.
"""

from __future__ import annotations

RUNS = 'namespace="$namespace",benchmark="$benchmark",shape=~"$shape",verdict=~"$verdict"'
"""The runs that are compared."""

CELL = "cell"


def gauge(family: str, over: str = "avg") -> str:
    """A gauge of each run, as the mean (or `max`, `min`, `stddev`, `count`) over a cell's runs."""
    return _named(f"{over} by (${{by:csv}}) ({family}{{{RUNS}}})")


def growth(counter: str) -> str:
    """How fast an aligned counter grew: of each cell the mean over its runs, or of each run."""
    return curve(growth_of_runs(counter))


def growth_of_runs(counter: str) -> str:
    """What was added within the window, by the seconds of it in which the run was there.

    Prometheus' rate() divides by the whole window, also where the run had not begun or was over: a run of three
    seconds would be drawn as a hill. Before its first sample a counter was 0; a run is over where it has no value a
    second later.
    """
    now, before, after = (f"{aligned(counter)} offset ${{{moved}}}s" for moved in ("shift", "before", "after"))
    covered = "clamp_max(vector(time() - ${__from:date:seconds}), ${window}) > 0"
    return f"(({now} - ({before} or {now} * 0)) / on () group_left () ({covered}) and {after})"


def level(family: str) -> str:
    """An aligned gauge, likewise."""
    return curve(f"{aligned(family)} offset ${{shift}}s")


def curve(each_run: str) -> str:
    """A line for each cell, or each run, of an expression that has a series for each run."""
    return _named(f"avg by (${{curves}}, ${{by:csv}}) ({each_run})")


def aligned(family: str) -> str:
    """The selector of an aligned family."""
    return f"shapebench_aligned_{family}{{{RUNS}}}"


def elapsed(family: str) -> str:
    """Seconds since the measured part began, while any run has values of this. Where none has, a panel has no x either,
    and says that there is no data."""
    return f"vector(time() - ${{__from:date:seconds}}) and on () count({aligned(family)} offset ${{shift}}s)"


def _named(series: str) -> str:
    return f'label_join({series}, "{CELL}", " ", ${{by:doublequote}})'
