"""Labels, annotations and object names: who writes each, who reads it, and how names are made.

Every name is a function of the run it belongs to, so that creating twice is creating once.
"""

from __future__ import annotations

GROUP = "shapebench.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
BENCHMARKS = "benchmarks"
BENCHMARK_RUNS = "benchmarkruns"

LABEL_BENCHMARK = f"{GROUP}/benchmark"
"""On runs, pods, services and config maps: the Benchmark's name. Set by the operator; it lists by it."""
LABEL_RUN = f"{GROUP}/run"
"""On pods, services and config maps: the BenchmarkRun's name."""
LABEL_ATTEMPT = f"{GROUP}/attempt"
"""On pods, services and config maps: the attempt's number, from 1."""
LABEL_ROLE = f"{GROUP}/role"
"""On pods: driver, executor, worker or ps. Selects the pods behind the gang's Service too."""
LABEL_INDEX = f"{GROUP}/index"
"""On pods that the operator creates: the number within the role, from 0."""
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "shapebench"
LABEL_RECORD = f"{GROUP}/record"
"""On the config map that holds a run's record: "true"."""

PROGRAM_CONTAINER = "program"
"""The container that runs the agent and, under it, the program, in every pod of a run."""

CONTAINER_BY_ENGINE = {
    "SparkApplication": {"driver": "spark-kubernetes-driver", "executor": "spark-kubernetes-executor"},
    "TFJob": {"worker": "tensorflow", "ps": "tensorflow"}}
"""What other operators call that container, by role: they know theirs by name."""

PROGRAM_CONTAINERS = frozenset({PROGRAM_CONTAINER}.union(*(names.values() for names in CONTAINER_BY_ENGINE.values())))
"""Every name that the container may have; each pod of a run has exactly one of them."""

LABEL_RUN_UID = f"{GROUP}/run-uid"
"""On pods that another operator makes for a run: the BenchmarkRun's uid. Their owners are that operator's affair."""

LABEL_ISOLATION = f"{GROUP}/isolation"
"""On pods of a run with isolation: Node: the BenchmarkRun's uid. Their anti-affinity is against pods without it."""

LABEL_QUEUE = "kueue.x-k8s.io/queue-name"
"""On the object that Kueue holds back: the LocalQueue's name."""

LABEL_JOB_UID = "kueue.x-k8s.io/job-uid"
"""On the Workload that Kueue makes for another operator's object, written by Kueue: that object's uid."""

ANNOTATION_REMOTE_WRITE = f"{GROUP}/remote-write"
"""On runs that are over, where remote write is set: "sent", or "dropped: " and why. Set by the operator, which sends
each run that has none; taken away by hand, the run is sent again."""

RECORD_KEY = "record.json.gz"
"""The key in a record config map's binaryData."""

BENCHMARK_NAME_LIMIT = 30
"""Spark allows 47 characters for the prefix of its executors' names; the run and the attempt need the rest."""


def run_name(benchmark: str, block: int, position: int) -> str:
    """The BenchmarkRun at `position` (from 1) of `block` (0 is the warm-up)."""
    return f"{benchmark}-{block}-{position}"


def gang_name(run: str, attempt: int) -> str:
    """The Service, and the prefix of the pods, of one attempt."""
    return f"{run}-a{attempt}"


def pod_name(gang: str, role: str, index: int) -> str:
    """A pod that the operator creates; a driver is alone in its role and has no number."""
    return f"{gang}-driver" if role == "driver" else f"{gang}-{role}-{index}"


def lost_record_name(run: str, attempt: int) -> str:
    """The config map that holds the record of an attempt that was lost, until the run is over."""
    return f"{gang_name(run, attempt)}-record"


def record_name(run: str) -> str:
    """The config map that holds the run's record."""
    return f"{run}-record"
