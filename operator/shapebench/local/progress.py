"""How a local benchmark's progress is shown: a live display on a terminal, a line for each run elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from shapebench.analysis import summary
from shapebench.analysis.budget import Stop
from shapebench.api import quantity
from shapebench.api.record import Phase, RunRecord
from shapebench.plan import expand
from shapebench.report import doubts, units


class Display:
    """A Listener of the backend; use it as a context manager around the runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Progress | None = None
        self._total = self._done = 0
        self._spent_s: list[float] = []
        self._started_s = 0.0
        self._current = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=28), MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"), TextColumn("[cyan]{task.fields[current]}"),
                console=self._console, transient=True)
            self._task = self._bars.add_task("", total=1, left="", current="")
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def planned(self, benchmark: str, runs: int, already: int) -> None:
        """The Benchmark's name, and what is made already."""
        self._total, self._done = runs, already
        note = f", {already} of them made earlier (--fresh repeats them)" if already else ""
        self._line(Text(f"{benchmark}: {runs} runs{note}", style="bold"))
        if self._bars:
            self._bars.update(self._task, description=benchmark, total=runs, completed=already)

    def started(self, run: expand.PlannedRun) -> None:
        """The run becomes the current one."""
        self._started_s = time.monotonic()
        self._current = f"{summary.cell_text(run.cell)} · {block_text(run)}"
        self.running(0.0)

    def running(self, elapsed_s: float) -> None:
        """Show how long the current run takes, and how long all the others will."""
        if self._bars:
            self._bars.update(self._task, left=self._left(elapsed_s),
                              current=f"{self._current} · {quantity.duration_text(elapsed_s)}")

    def ended(self, run: expand.PlannedRun, record: RunRecord) -> None:
        """A line that stays: what the run came to."""
        whole_s = time.monotonic() - self._started_s
        self._spent_s.append(whole_s)
        self._advance()
        line = Text(f"  {self._done:>{len(str(self._total))}}/{self._total}  ")
        line.append(f"{summary.cell_text(run.cell):<32} {block_text(run):<9} ")
        if record.phase is Phase.SUCCEEDED:
            line.append(f"{units.seconds(record.duration_s):>8}", style="green")
            line.append(f"  (with start and end {units.seconds(whole_s)})", style="dim")
            if record.flags:
                line.append(f"  {doubts.state(record)}, flagged: {doubts.kinds([record])}", style="yellow")
            line.append("".join(f"\n      {said}" for said in record.message.splitlines()), style="yellow")
        else:
            what, *said = record.message.splitlines() or [""]
            line.append(f"{record.reason}: {what}", style="red")
            line.append(f"\n      {said[-1]}" if said else "", style="red")
        self._line(line)

    def skipped(self, run: expand.PlannedRun) -> None:
        """A line that says why there will be no run."""
        self._advance()
        self._line(Text(f"  {self._done:>{len(str(self._total))}}/{self._total}  {summary.cell_text(run.cell):<32} "
                        f"{block_text(run):<9} skipped: this cell failed too often", style="yellow"))

    def stopped(self, stop: Stop) -> None:
        """A line that says why the rest is not made."""
        self._done += stop.unmade
        self._line(Text(f"  stopped: {stop.text}", style="yellow"))

    def _advance(self) -> None:
        self._done += 1
        if self._bars:
            self._bars.update(self._task, completed=self._done)

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    def _left(self, elapsed_s: float) -> str:
        """An estimate from the mean of the runs made so far in this session."""
        if not self._spent_s:
            return ""
        mean_s = sum(self._spent_s) / len(self._spent_s)
        left_s = mean_s * (self._total - self._done) - min(elapsed_s, mean_s)
        return f"about {quantity.duration_text(left_s)} left"


def block_text(run: expand.PlannedRun) -> str:
    """`warm-up` or `block 2`."""
    return "warm-up" if run.block == 0 else f"block {run.block}"
