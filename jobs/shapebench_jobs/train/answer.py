"""What a training hands back: its rows of measurements, and whether every image was used."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.tf import schedule as tf_schedule
from shapebench_jobs.tf.split import Split
from shapebench_jobs.tf.training import Epoch, Score


@dataclass(frozen=True)
class Lesson:
    """An epoch and the judgement after it; no judgement where no image was put aside."""

    epoch: Epoch
    score: Score | None


def epoch_values(lesson: Lesson) -> dict[str, float]:
    """One epoch's row; images and updates of all workers together, times in seconds."""
    epoch, score = lesson.epoch, lesson.score
    judged = {} if score is None else {
        "validation_loss": score.loss, "validation_accuracy": score.accuracy,
        "validation_images": score.images, "validation_seconds": score.seconds}
    return {
        "loss": epoch.loss,
        "accuracy": epoch.accuracy,
        **judged,
        "seconds": epoch.seconds,
        "images": epoch.images,
        "images_per_second": epoch.images / epoch.seconds,
        "batch_size": epoch.plan.batch_size,
        "learning_rate": epoch.plan.learning_rate,
        "updates": epoch.plan.steps,
    }


def total_values(lessons: Sequence[Lesson]) -> dict[str, float]:
    """The closing row: the whole training."""
    epochs, last = [lesson.epoch for lesson in lessons], lessons[-1]
    seconds = sum(epoch.seconds for epoch in epochs)
    judged = {} if last.score is None else {
        "final_validation_loss": last.score.loss, "final_validation_accuracy": last.score.accuracy}
    return {
        "final_loss": last.epoch.loss,
        "final_accuracy": last.epoch.accuracy,
        **judged,
        "training_seconds": seconds,
        "images_per_second": sum(epoch.images for epoch in epochs) / seconds,
        "total_updates": tf_schedule.updates([epoch.plan for epoch in epochs]),
        "step_ms": 1000 * statistics.median(second for epoch in epochs for second in epoch.step_seconds),
    }


def check_used(lessons: Sequence[Lesson], split: Split) -> None:
    """Raise WrongAnswerError unless every epoch trained with and judged as many images as there are for it."""
    for lesson in lessons:
        if _used(lesson) != _there(split):
            raise WrongAnswerError("epoch {} trained with {} and judged {} images, not {} and {}".format(
                lesson.epoch.plan.number, *_used(lesson), *_there(split)))


def all_used(lessons: Sequence[Lesson], split: Split) -> bool:
    """Whether check_used would be content."""
    return all(_used(lesson) == _there(split) for lesson in lessons)


def _used(lesson: Lesson) -> tuple[int, int]:
    return lesson.epoch.images, 0 if lesson.score is None else lesson.score.images


def _there(split: Split) -> tuple[int, int]:
    return len(split.training), len(split.validation)
