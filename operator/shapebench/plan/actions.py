"""What a decision asks the cluster to do: values, applied one by one by `shapebench.kube` or by a test's fake.

Every effect may be repeated: a Create of what exists, and a Delete of what is gone, are done already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Protocol

from shapebench.api.record import RunRecord

KubeObject = dict[str, Any]
"""An object as its YAML says it."""


@dataclass(frozen=True)
class Create:
    """Create the object (its metadata has name and namespace)."""

    body: KubeObject


@dataclass(frozen=True)
class Delete:
    """Delete one object, with what it owns. `grace_s` None leaves the pod's own grace period."""

    kind: Literal["Benchmark", "Pod", "Service", "ConfigMap", "SparkApplication", "TFJob", "Workload"]
    namespace: str
    name: str
    grace_s: int | None = None


@dataclass(frozen=True)
class PatchStatus:
    """Merge `status` into the status of a Benchmark or a BenchmarkRun (None removes a field)."""

    kind: Literal["Benchmark", "BenchmarkRun"]
    namespace: str
    name: str
    status: Mapping[str, Any]


@dataclass(frozen=True)
class Emit:
    """Post an event about an object, in words for a person. Events may be lost; nothing depends on them."""

    about: KubeObject
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Keep:
    """Put a run's record into the results store; the same run's again replaces it.

    `packed` makes the bytes when they are needed; they hold more samples than `record`, which stays in memory.
    """

    namespace: str
    benchmark: str
    benchmark_uid: str
    run: str
    record: RunRecord
    packed: Callable[[], bytes]


@dataclass(frozen=True)
class Kept:
    """What came of a Keep of the record: its URL, or (url empty) why it is not in the store."""

    record: RunRecord
    url: str = ""
    problem: str = ""


Action = Create | Delete | PatchStatus | Emit | Keep


class Offer(Enum):
    """Whether the cluster has what a Benchmark asks for beyond Kubernetes itself."""

    READY = "ready"
    """Also when nothing is asked for."""
    NOT_INSTALLED = "not installed"
    FORBIDDEN = "forbidden"
    """The operator may not use it."""
    ABSENT = "absent"
    """Its kind is installed, the object that is named is not there."""


@dataclass(frozen=True)
class Snapshot:
    """One Benchmark and everything labelled with its name, read afresh. `benchmark` None: it is gone.

    `applications`: the SparkApplications or TFJobs, where the Benchmark is launched through them; Kueue's Workloads,
    where pods of our own wait for it. They are read before the pods, so that what they tell of pods is no newer than
    the pods.
    """

    benchmark: KubeObject | None
    runs: tuple[KubeObject, ...] = ()
    pods: tuple[KubeObject, ...] = ()
    driver_account_exists: bool = True
    applications: tuple[KubeObject, ...] = ()
    flavors: tuple[KubeObject, ...] = ()
    """The ResourceFlavors that Kueue assigned to Workloads among them; without those that the operator may not see."""
    workloads: tuple[KubeObject, ...] | None = None
    """Those that Kueue made for SparkApplications or TFJobs among them; None: it has none to make, or the operator may
    not see them. They are read after the objects, so that one which Kueue knows of is not taken for one it does not."""
    engine: Offer = Offer.READY
    queue: Offer = Offer.READY


class RefusedError(Exception):
    """The API server will not have an object (quota, Pod Security, admission, a name that somebody else took)."""


class InvalidError(RefusedError):
    """It will never have this one: what stands in it is beyond its definition."""


class LogUnavailableError(Exception):
    """A pod's log cannot be read now, for a reason that may pass; the text says which."""


class NamespaceGoneError(Exception):
    """The namespace or the owner is being deleted: there is nothing left to do."""


class Cluster(Protocol):
    """The cluster as a reconciliation sees it: read everything, apply one action, read one pod's log."""

    def snapshot(self, namespace: str, name: str) -> Snapshot:
        """The Benchmark, its runs and its pods (a service account, an engine or a queue only where it needs one)."""
        ...

    def apply(self, action: Action) -> Kept | None:
        """Do one action; done already is fine. Raises RefusedError, NamespaceGoneError, or what the network raised.

        Only a Keep has something to tell, and a store that fails is told, not raised.
        """
        ...

    def log(self, namespace: str, pod: str, container: str) -> str:
        """The log of this container of the pod; empty when there is none (any more).

        Raises LogUnavailableError while it cannot be read.
        """
        ...

    def kept(self, namespace: str, config_map: str, owner_uid: str) -> bytes:
        """The packed record in a config map of this owner's; empty when there is none (any more)."""
        ...
