"""Training on a stream, as rules: what has arrived, what a round trains on, and how the batch grows. No TensorFlow.

Images arrive at a fixed rate and are handed over when their interval ends. A round trains on whole batches of what
waits, one interval's images at most and what no batch was left for before; the rest waits. The next round starts when
the next interval ends, or at once where a batch waits already. Time is worker 0's: every worker is told the same times,
computes the same rounds from them, and so makes the same steps, without another word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapebench_jobs.harness import lag
from shapebench_jobs.harness.lag import Lag
from shapebench_jobs.harness.run import WrongAnswerError


@dataclass(frozen=True)
class Arrivals:
    """Images per second, handed over at the end of each interval, for so many intervals."""

    rate: float
    interval_s: float
    intervals: int

    def ended(self, elapsed_s: float) -> int:
        """How many intervals have ended after so many seconds; one that ends now has, however that is rounded."""
        return math.floor(elapsed_s / self.interval_s + 1e-9)

    def handed_over(self, elapsed_s: float) -> int:
        """Images of all intervals that have ended."""
        return self.by_interval(min(self.intervals, self.ended(elapsed_s)))

    def by_interval(self, number: int) -> int:
        """Images of the first so many intervals."""
        return math.floor(self.rate * self.interval_s * number)

    def lag_s(self, trained: int, elapsed_s: float) -> float:
        """How far training is behind: the age of the oldest image that was not trained with."""
        return max(0.0, elapsed_s - trained / self.rate)


@dataclass(frozen=True)
class Round:
    """What had arrived at its start, and what was made of it. Seconds since the beginning; the same on all workers."""

    interval: int
    """The last interval that had ended, from 1."""
    arrived: int
    """Images handed over since the round before."""
    waiting: int
    """Images that wait when it starts."""
    batch_size: int
    steps: int
    started_s: float
    ended_s: float = 0.0
    loss: float = 0.0
    accuracy: float = 0.0

    @property
    def images(self) -> int:
        """Images that it trains with."""
        return self.steps * self.batch_size

    @property
    def seconds(self) -> float:
        """How long training took."""
        return self.ended_s - self.started_s


@dataclass(frozen=True)
class State:
    """Between two rounds."""

    batch_size: int
    handed_over: int = 0
    trained: int = 0


def pause_s(arrivals: Arrivals, state: State, elapsed_s: float) -> float:
    """How long to wait for the next round: until the next interval ends, unless a batch waits already."""
    if arrivals.handed_over(elapsed_s) - state.trained >= state.batch_size:
        return 0.0
    return (arrivals.ended(elapsed_s) + 1) * arrivals.interval_s - elapsed_s


def next_round(arrivals: Arrivals, state: State, started_s: float) -> Round:
    """The round that starts now."""
    handed_over = arrivals.handed_over(started_s)
    waiting = handed_over - state.trained
    at_most = math.ceil(arrivals.rate * arrivals.interval_s) + state.batch_size - 1
    return Round(arrivals.ended(started_s), handed_over - state.handed_over, waiting, state.batch_size,
                 min(waiting, at_most) // state.batch_size, started_s)


def grown(batch_size: int, made: Round, rate: float, sizes: Sequence[int]) -> int:
    """The batch size after a round: the next of `sizes` where it trained more slowly than its images had arrived.

    Larger batches need fewer updates and less talk between workers for the same images. They never shrink: what was
    too slow once would be so again.
    """
    if made.steps and made.seconds > made.images / rate:
        return min((size for size in sizes if size > batch_size), default=batch_size)
    return batch_size


def after(state: State, made: Round, arrivals: Arrivals, sizes: Sequence[int]) -> State:
    """What follows from a round that was made."""
    return State(grown(state.batch_size, made, arrivals.rate, sizes), state.handed_over + made.arrived,
                 state.trained + made.images)


def sizes(smallest: int, largest: int) -> tuple[int, ...]:
    """Batch sizes to grow through: doubled each time, `largest` last."""
    found = [smallest]
    while found[-1] < largest:
        found.append(min(2 * found[-1], largest))
    return tuple(found)


def check_counted(rounds: Sequence[Round], counted: int, arrivals: Arrivals) -> None:
    """Raise WrongAnswerError unless the images that went through the network and those that wait are all that came."""
    arrived = arrivals.by_interval(min(arrivals.intervals, max(made.interval for made in rounds)))
    waiting = rounds[-1].waiting - rounds[-1].images
    if counted + waiting != arrived:
        raise WrongAnswerError(f"{counted} images were trained with and {waiting} wait, but {arrived} had arrived")


def round_values(made: Round) -> dict[str, float]:
    """One round's row, in names that the total has not: an objective takes the median over all rows with its name."""
    values = {
        "round_arrived": made.arrived,
        "round_trained": made.images,
        "round_seconds": made.seconds,
        "round_batch_size": made.batch_size,
        "round_waiting": made.waiting - made.images,
    }
    if made.steps:
        values |= {"round_loss": made.loss, "round_accuracy": made.accuracy}
    return values


def total_values(rounds: Sequence[Round], arrivals: Arrivals) -> dict[str, float]:
    """The whole stream. There is a round with a step in it."""
    trained = [made for made in rounds if made.steps]
    counts = [sum(made.images for made in trained[: number + 1]) for number in range(len(trained))]
    lags = [Lag(made.ended_s, arrivals.lag_s(count, made.ended_s)) for made, count in zip(trained, counts, strict=True)]
    end_s = max(rounds[-1].ended_s, arrivals.interval_s * arrivals.intervals)
    trend = lag.trend(lags, Lag(0.0, 0.0), Lag(end_s, arrivals.lag_s(counts[-1], end_s)))
    largest = max(made.batch_size for made in trained)
    last = trained[-max(1, len(trained) // 4):]
    images = sum(made.images for made in last)
    keeps_up = float(lag.keeps_up(trend, longest_lag_s(arrivals, largest)))
    return {
        "keeps_up": keeps_up,
        "sustained_images_per_second": keeps_up * arrivals.rate,
        "images_per_second": counts[-1] / trained[-1].ended_s,
        "capacity_images_per_second": counts[-1] / sum(made.seconds for made in trained),
        "busy_share": sum(made.seconds for made in trained) / end_s,
        "lag_slope": trend.slope,
        "last_lag_s": trend.last_s,
        "images_arrived": rounds[-1].waiting + counts[-1] - rounds[-1].images,
        "images_trained": counts[-1],
        "images_waiting": rounds[-1].waiting - rounds[-1].images,
        "updates": sum(made.steps for made in trained),
        "final_batch_size": trained[-1].batch_size,
        "final_loss": sum(made.loss * made.images for made in last) / images,
        "final_accuracy": sum(made.accuracy * made.images for made in last) / images,
    }


def longest_lag_s(arrivals: Arrivals, batch_size: int) -> float:
    """A lag that is still keeping up: an image waits for its interval's end, for a batch to fill, and for training.

    The last takes no longer than an interval where training keeps up.
    """
    return 2 * arrivals.interval_s + batch_size / arrivals.rate


def with_outcome(planned: Round, ended_s: float, loss: float = 0.0, accuracy: float = 0.0) -> Round:
    """A planned round, made."""
    return replace(planned, ended_s=ended_s, loss=loss, accuracy=accuracy)
