"""What a builder is given, and the metadata that all objects of an attempt share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shapebench.api import keys
from shapebench.api.benchmark import Benchmark
from shapebench.api.settings import Settings
from shapebench.plan import expand, templates

KubeObject = dict[str, Any]


@dataclass(frozen=True)
class Placement:
    """The nodes that a queue gave a role's pods their place on, beyond what the Benchmark says itself."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[KubeObject, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One attempt at one run of a Benchmark. `owner_uid` is the BenchmarkRun's; `placements` are by role."""

    benchmark: Benchmark
    run: expand.PlannedRun
    number: int
    owner_uid: str
    settings: Settings
    placements: Mapping[str, Placement] = field(default_factory=dict)

    @property
    def gang(self) -> str:
        """The Service's name and the pods' prefix."""
        return keys.gang_name(self.run.name, self.number)

    @property
    def namespace(self) -> str:
        """Where the Benchmark lives, and so do its pods."""
        return self.benchmark.metadata.namespace

    def labels(self) -> dict[str, str]:
        """On every object of the attempt."""
        return {
            keys.LABEL_MANAGED_BY: keys.MANAGED_BY,
            keys.LABEL_BENCHMARK: self.benchmark.metadata.name,
            keys.LABEL_RUN: self.run.name,
            keys.LABEL_ATTEMPT: str(self.number),
        }

    def metadata(self, name: str, extra_labels: dict[str, str] | None = None) -> KubeObject:
        """Name, labels, and the run as the one owner: deleting it deletes all."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": self.labels() | (extra_labels or {}),
            "ownerReferences": [owner_reference("BenchmarkRun", self.run.name, self.owner_uid)],
        }

    def arguments(self) -> list[str]:
        """The program's arguments, filled in."""
        values = expand.template_values(self.run, self.benchmark.spec.order.seed)
        return [templates.fill(argument, values) for argument in self.benchmark.spec.workload.program.arguments]


def engine_object(attempt: Attempt, api_version: str) -> KubeObject:
    """The beginning of another operator's object: its metadata, with the queue that Kueue is to take it from."""
    queue = attempt.benchmark.spec.queue_name
    kind = attempt.benchmark.spec.workload.engine
    return {"apiVersion": api_version, "kind": kind,
            "metadata": attempt.metadata(attempt.gang, {keys.LABEL_QUEUE: queue} if queue else None)}


def owner_reference(kind: str, name: str, uid: str) -> KubeObject:
    """A controller reference to one of our own kinds."""
    return {"apiVersion": keys.API_VERSION, "kind": kind, "name": name, "uid": uid,
            "controller": True, "blockOwnerDeletion": True}
