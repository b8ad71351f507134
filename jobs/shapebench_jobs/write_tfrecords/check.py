"""Are the written shards what they should be? Read where they lie, record by record, by the reader of `second_reader`.

Each executor reads what is on its own disk: a barrier stage runs on all of them at once, every task tells the others
which shards it sees, and all come to the same division of the work. The driver then holds every record's key and label
against the list of images made before anything was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench_jobs.dataset.reading import executor_name
from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.spark import cluster as spark_cluster
from shapebench_jobs.write_tfrecords import folder as shard_folder
from shapebench_jobs.write_tfrecords import second_reader
from shapebench_jobs.write_tfrecords.source import Label
from shapebench_jobs.write_tfrecords.writing import Written

_NAMED = 3
"""How many missing images a message names."""


@dataclass(frozen=True)
class Found:
    """One shard as the checking reader found it."""

    shard: str
    bytes: int
    records: tuple[tuple[str, int, str], ...]
    """Key, label and class name of each, in their order."""
    problem: str = ""
    """Why reading stopped, where it did."""


def read_back(spark_context: Any, folder: Path, written: Iterable[Written], side: int) -> list[Found]:
    """Every shard that any executor sees, read once; `side` is what its pictures must measure, in pixels."""
    width = spark_cluster.slots(spark_context)
    writers = {one.shard: one.place for one in written}
    stage = spark_context.parallelize(range(width), width).barrier()
    found: list[Found] = stage.mapPartitions(_ReadBack(str(folder), writers, side)).collect()
    return found


def division(views: Sequence[tuple[str, Sequence[str]]], writers: Mapping[str, str]) -> dict[str, int]:
    """Which task reads each shard, from every task's executor and the shards it sees.

    One on the executor that wrote it where there is one: another's copy may be what a lost attempt left behind.
    """
    load = [0] * len(views)
    result: dict[str, int] = {}
    for shard in sorted({shard for _, seen in views for shard in seen}):
        seeing = [task for task, (_, seen) in enumerate(views) if shard in seen]
        writing = [task for task in seeing if views[task][0] == writers.get(shard)]
        chosen = min(writing or seeing, key=lambda task: (load[task], task))
        load[chosen] += 1
        result[shard] = chosen
    return result


@dataclass(frozen=True)
class _ReadBack:
    """The barrier stage's task."""

    folder: str
    writers: Mapping[str, str]
    side: int

    def __call__(self, _: Iterator[int]) -> Iterator[Found]:
        from pyspark import BarrierTaskContext

        task = BarrierTaskContext.get()
        view = (executor_name(), shard_folder.shard_names(Path(self.folder)))
        views = [json.loads(text) for text in task.allGather(json.dumps(view))]
        for shard, reader in division(views, self.writers).items():
            if reader == task.partitionId():
                yield read_shard(Path(self.folder) / shard, self.side)


def read_shard(path: Path, side: int) -> Found:
    """One shard, to its end or to the first record that is not as it should be."""
    records: list[tuple[str, int, str]] = []
    try:
        with path.open("rb") as stream:
            for record in second_reader.records(stream):
                if (record.width, record.height) != (side, side):
                    raise second_reader.BadRecordError(
                        f"record {record.number} has {record.width}x{record.height} pixels, not {side}x{side}")
                records.append((record.key, record.label, record.class_name))
    except second_reader.BadRecordError as error:
        return Found(path.name, path.stat().st_size, tuple(records), str(error))
    return Found(path.name, path.stat().st_size, tuple(records))


def verify(written: Iterable[Written], found: Iterable[Found], labels: Mapping[str, Label]) -> None:
    """Raise WrongAnswerError unless every image is in exactly one record, rightly labelled, and nothing else is there.

    Images that their writer called damaged must be in none.
    """
    tellings = {one.shard: one for one in written}
    findings = {one.shard: one for one in found}
    for shard in sorted(tellings.keys() - findings.keys()):
        raise WrongAnswerError(f"{shard}: no executor has it")
    for shard in sorted(findings.keys() - tellings.keys()):
        raise WrongAnswerError(f"{shard}: nobody wrote it")
    damaged = {key for one in tellings.values() for key, _ in one.damaged}
    seen: dict[str, str] = {}
    for shard, finding in sorted(findings.items()):
        _whole(finding, tellings[shard])
        for number, (key, label, class_name) in enumerate(finding.records):
            where = f"{shard}: record {number}"
            _right(where, key, Label(label, class_name), labels)
            if key in seen:
                raise WrongAnswerError(f"{where} holds image {key} again, after {seen[key]}")
            seen[key] = where
        if finding.bytes != tellings[shard].bytes_written:
            raise WrongAnswerError(f"{shard}: has {finding.bytes} bytes, {tellings[shard].bytes_written} were written")
    if missing := sorted(labels.keys() - seen.keys() - damaged):
        raise WrongAnswerError(f"{len(missing)} of {len(labels)} images are in no shard: {', '.join(missing[:_NAMED])}"
                               + (", …" if len(missing) > _NAMED else ""))


def _whole(finding: Found, telling: Written) -> None:
    if finding.problem:
        raise WrongAnswerError(f"{finding.shard}: {finding.problem}")
    if len(finding.records) != telling.records:
        raise WrongAnswerError(f"{finding.shard}: holds {len(finding.records)} records, {telling.records} were written")


def _right(where: str, key: str, label: Label, labels: Mapping[str, Label]) -> None:
    expected = labels.get(key)
    if expected is None:
        raise WrongAnswerError(f"{where} holds {key}, which is none of the images")
    if label != expected:
        raise WrongAnswerError(f"{where}: image {key} is labelled {label.number} ({label.name}), "
                               f"it is {expected.number} ({expected.name})")
