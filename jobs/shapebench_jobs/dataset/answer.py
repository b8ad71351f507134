"""What reading must turn out to hold, and how a damaged input is told: counted, its first places named.

Where a data set tells each of its images (the index of a made one), those that are damaged are taken out of the answer,
and all others must still be there with the right bytes. Where it does not, a first read told what the next must find.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shapebench_jobs.dataset.reading import Damage, Part
from shapebench_jobs.dataset.tally import Tally, total
from shapebench_jobs.harness.run import WrongAnswerError

NAMED = 5
"""Damaged places that a message names."""


@dataclass(frozen=True)
class Answer:
    """The images that must be read."""

    tally: Tally
    files: Mapping[str, tuple[Tally, ...]] = field(default_factory=dict)
    """The images of each file in their order, by the last two parts of its path; empty where they are not known."""
    damaged: int = 0
    """Damaged images that a first read found, where the files are not known."""


def of_files(files: Iterable[tuple[str, tuple[Tally, ...]]]) -> Answer:
    """The answer of files (path, its images) that are known one by one."""
    known = {key(path): tallies for path, tallies in files}
    return Answer(total(tally for tallies in known.values() for tally in tallies), known)


def key(path: str) -> str:
    """What is the same of a path wherever the data set lies: class/number.jpg or tfrecord/shard."""
    return "/".join(path.split("/")[-2:])


def check(part: Part, answer: Answer, *, skip: bool = False) -> int:
    """Raise WrongAnswerError unless exactly the expected images were read; return how many damaged ones were skipped.

    A damaged image is wrong too unless `skip`.
    """
    lost = _lost(part.damages, answer)
    if part.damages and not skip:
        raise WrongAnswerError(f"damaged input: {described(part.damages, lost)}")
    expected = _without(answer, part.damages)
    for name in ("count", "bytes", "checksum"):
        if getattr(part.tally, name) != getattr(expected, name):
            raise WrongAnswerError(f"read {part.tally}, expected {expected}: {name} differs")
    if not answer.files and lost != answer.damaged:
        raise WrongAnswerError(f"{lost} damaged images, and {answer.damaged} when the data was read first")
    return lost


def short(part: Part, answer: Answer) -> bool:
    """Whether images are missing that no damage explains."""
    return part.tally.count < _without(answer, part.damages).count


def described(damages: tuple[Damage, ...], lost: int = 0) -> str:
    """How many images are lost, and the first places by name. `lost`: where it is known better than by the damages."""
    places = "; ".join(str(damage) for damage in damages[:NAMED])
    more = f"; and {len(damages) - NAMED} more places" if len(damages) > NAMED else ""
    least = "at least " if any(damage.rest for damage in damages) and lost <= len(damages) else ""
    return f"{places}{more} ({least}{max(lost, len(damages))} images lost)"


def _lost(damages: tuple[Damage, ...], answer: Answer) -> int:
    return sum(max(1, len(_hidden(damage, answer))) for damage in damages)


def _hidden(damage: Damage, answer: Answer) -> range:
    """The numbers of the images that a damage costs its file, of those that the answer knows."""
    there = len(answer.files.get(key(damage.path), ()))
    return range(damage.number, there if damage.rest else min(there, damage.number + 1))


def _without(answer: Answer, damages: tuple[Damage, ...]) -> Tally:
    """All images but the damaged ones; the answer's own tally where its images are not known."""
    if not answer.files or not damages:
        return answer.tally
    lost = {(key(damage.path), number) for damage in damages for number in _hidden(damage, answer)}
    return total(tally for path, tallies in answer.files.items() for number, tally in enumerate(tallies)
                 if (path, number) not in lost)
