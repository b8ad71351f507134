"""The measured part of this pod's life: who says when it starts and ends, and what is done at that moment.

The program's own marks count. Without any, the part is the program's life, as a run's duration is. A pod that follows
another has what that one tells: a driver's marks, or the life of its program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shapebench.api import wire

if TYPE_CHECKING:
    from shapebench.agent.announcer import Announcer
    from shapebench.agent.marks import Mark
    from shapebench.agent.sampler import Sampler
    from shapebench.agent.surroundings import Survey

LATE_S = 0.1
LATE_SHARE = 0.02
"""What was heard later than both of these, seconds and share of the measured part, counts as not heard. The program's
own marks too: the agent shares the pod's CPU limit, and where that is used up it reads them late."""


class MeasuredPart:
    """Has the counters and the surroundings read at its ends, and tells those that follow."""

    def __init__(self, sampler: Sampler, survey: Survey, announcer: Announcer | None, clock: Callable[[], float],
                 log: Callable[[str], None]) -> None:
        """`announcer` None: this pod follows another."""
        self._sampler = sampler
        self._survey = survey
        self._announcer = announcer
        self._clock = clock
        self._log = log
        self._marks_itself = False
        self._marked_start = False
        self._open = False
        self._began_s = 0.0
        self._started_s = 0.0
        self._late_s = 0.0

    def program_starts(self) -> None:
        """The program is started as soon as this returns."""
        self._survey.start()
        self._sampler.begin()
        self._began_s = self._clock()
        if self._announcer is not None:
            self._start(from_the_beginning=True)

    def earliest_s(self, event: str) -> float:
        """No such mark of the program can have been made before: its own start, or that of the measured part."""
        return self._began_s if event == wire.EVENT_MEASURED_STARTED else max(self._began_s, self._started_s)

    def says(self, event: str, at_s: float) -> bool:
        """The program itself has marked an end, then; whether that counts."""
        late_s = self._clock() - at_s
        if event == wire.EVENT_MEASURED_STARTED:
            if self._marked_start:
                self._log("the measured part was marked again; the last one counts")
            self._marks_itself = self._marked_start = True
            self._started_s, self._late_s = at_s, late_s
            self._start(from_the_beginning=False, ago_s=late_s)
        elif not self._open:
            self._log("the program marked an end of its measured part that had not started: left out")
            return False
        else:
            self._marks_itself = True
            self._late_s += late_s
            self._finish(ago_s=late_s)
            self._judge(at_s)
        return True

    def hears(self, mark: Mark) -> bool:
        """The leader has told of an end; whether that is one of this pod's measured part."""
        if self._marks_itself:
            return False
        if mark.event == wire.EVENT_MEASURED_STARTED:
            earlier = mark.at_s <= self._began_s
            self._started_s = mark.at_s
            self._late_s = 0.0 if earlier else self._clock() - mark.at_s
            self._start(from_the_beginning=earlier)
            return True
        if mark.event == wire.EVENT_MEASURED_FINISHED and self._open:
            if mark.at_s <= self._began_s:  # all was over before this program started: it used nothing in that
                self._start(from_the_beginning=False)
            else:
                self._late_s += self._clock() - mark.at_s
            self._finish()
            self._judge(mark.at_s)
            return True
        return False

    def program_ends(self) -> None:
        """The program has ended: what is still open ends with it."""
        if self._open:
            self._finish()
            self._judge(self._clock())
        self._survey.stop()

    def _start(self, *, from_the_beginning: bool, ago_s: float = 0.0) -> None:
        if self._announcer is not None:
            self._announcer.tell(wire.EVENT_MEASURED_STARTED, ago_s)
        self._sampler.open_measured(from_the_beginning=from_the_beginning)
        if not from_the_beginning:
            self._survey.start()
        self._open = True

    def _finish(self, *, ago_s: float = 0.0) -> None:
        if self._announcer is not None:
            self._announcer.tell(wire.EVENT_MEASURED_FINISHED, ago_s)
        self._sampler.close_measured()
        self._survey.stop()
        self._open = False

    def _judge(self, finished_s: float) -> None:
        """Usage between two moments that are not the ends is not the usage of the measured part."""
        may_be_s = max(LATE_S, LATE_SHARE * (finished_s - max(self._started_s, self._began_s)))
        if self._late_s > may_be_s:
            self._log(f"the ends of the measured part were heard {self._late_s:.2f} s late: its usage is not known")
            self._sampler.forget_measured()
