"""What a training works on: images, their split, and how they are fed."""

from __future__ import annotations

from dataclasses import dataclass

from shapebench_jobs.tf.input import TrainingImages
from shapebench_jobs.tf.pipeline import Feed
from shapebench_jobs.tf.schedule import EpochPlan
from shapebench_jobs.tf.split import Split


@dataclass(frozen=True)
class Material:
    """The same on every worker. `feed` has the rules for training; batch size and steps come with each epoch."""

    images: TrainingImages
    split: Split
    plans: tuple[EpochPlan, ...]
    feed: Feed
    whole_batches: bool = False
    """Whether an epoch is whole batches of an endless stream, instead of every image once."""

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Those of the schedule, in rising order."""
        return tuple(sorted({plan.batch_size for plan in self.plans}))
