"""Programs that mark no measured part: their durations hold their own start too, and people must know."""

from __future__ import annotations

from collections.abc import Iterable

from shapebench.api.assemble import DECIDING_ROLES, is_marked
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.api.record import RunRecord, Verdict
from shapebench.report import units

_GUIDE = "docs/concepts/cost.md#what-a-duration-holds"


def remark(spec: BenchmarkSpec) -> str:
    """Before any run: of a program of the user's own nobody knows whether it marks; empty for a shipped job."""
    if spec.workload.program.job is not None:
        return ""
    return f"the program is your own: unless it marks its measured part, durations hold its start too ({_GUIDE})"


def caveat(records: Iterable[RunRecord]) -> str:
    """After the runs: those that count and have a program without a mark; empty without any."""
    valid = [record for record in records if record.verdict is Verdict.VALID]
    unmarked = [record for record in valid if _is_unmarked(record)]
    if not unmarked:
        return ""
    some = units.count(len(unmarked), "run")
    which = "the program marks" if len(unmarked) == len(valid) else f"in {some} the program marked"
    return f"{which} no measured part, so durations hold its own start too ({_GUIDE})."


def _is_unmarked(record: RunRecord) -> bool:
    deciding = [pod for pod in record.pods if pod.role in DECIDING_ROLES and pod.program_started_s is not None]
    return bool(deciding) and not any(map(is_marked, deciding))
