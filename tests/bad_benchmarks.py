"""Benchmarks that are wrong in one way each: the same table for the API server and for the models.

A case says how it differs from a valid Benchmark, which field the error points at and what a person reads there.
Lengths and ranges are not here: tests/bounds.py breaks each of those by reading the schema.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

REMOVED = object()
"""As a value of a change: the field is absent."""

SPARK: Manifest = {
    "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": "read-speed"},
    "spec": {
        "workload": {"spark": {"job": "read-speed"}},
        "shapes": [{"name": "4x1", "workers": 4, "cpu": "1", "memory": "2Gi"},
                   {"name": "2x2", "workers": 2, "cpu": 2, "memory": "4Gi"}],
    },
}
TENSORFLOW: Manifest = {
    "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": "train"},
    "spec": {
        "workload": {"tensorflow": {"job": "train", "arguments": ["--batch-size={batchSize}"]}},
        "shapes": [{"name": "1x2", "workers": 1, "cpu": "1.5", "memory": "1Gi"}],
        "parameters": [{"name": "batchSize", "values": [16, 32]}],
    },
}


@dataclass(frozen=True)
class Bad:
    """One wrong Benchmark. `changes` maps paths such as spec.shapes[0].cpu to values (or REMOVED)."""

    id: str
    changes: dict[str, Any]
    field: str
    message: str
    base: Manifest
    python_message: str | None = None
    """What the models say where the words are not the server's own."""

    @property
    def manifest(self) -> Manifest:
        """The Benchmark, whole."""
        return changed(self.base, self.changes)


def changed(base: Manifest, changes: dict[str, Any]) -> Manifest:
    """A copy of the manifest with the fields at these paths set or removed; parents are made where they lack."""
    result = copy.deepcopy(base)
    for path, value in changes.items():
        steps = [int(step) if step.isdigit() else step for step in re.split(r"\.|\[|\]\.?", path) if step]
        node: Any = result
        for step in steps[:-1]:
            node = node[step] if isinstance(step, int) else node.setdefault(step, {})
        if value is REMOVED:
            del node[steps[-1]]
        else:
            node[steps[-1]] = copy.deepcopy(value)
    return result


def _spark(name: str, field: str, value: Any, message: str, *, at: str = "", python: str | None = None) -> Bad:
    """A Spark Benchmark whose field at `field` is `value`; the error points there, or at `at`."""
    return Bad(name, {field: value}, at or field, message, SPARK, python)


_CPU = "write cores such as '2' or '0.5', or millicores such as '500m', above 0"
_MEMORY = "write bytes with a unit, such as '512Mi' or '2Gi', above 0"
_DURATION = "write hours, minutes and seconds such as '90s', '5m' or '1h30m', above 0"
_SHARE = "write a share from 0 to 1 as a text, such as '0.05'"
_INTERVAL = "write 100ms to 999ms, or 1s to 60s"
_PRICE = "write a price as a text, such as '0.05'"
_LABEL = "write a name of a-z, 0-9 and '-' that begins and ends with a letter or digit"
_OBJECT = "write an object's name: a-z, 0-9, '-' and '.', beginning and ending with a letter or digit"
_LABELS = ("a label's key and value are letters, digits, '-', '_' and '.', beginning and ending with a letter or digit "
           "(the key may have a prefix such as example.com/)")
_PARAMETER = "write a name of letters, digits and '_' that begins with a letter, such as batchSize"
_KNOWN = "shape, workers, cpu, memory, seed and repetition are known in every template; choose another name"
_PATH = "write an absolute path, such as /data, without ':'"
_VARIABLE = "write a variable's name: letters, digits, '_', '-' and '.', not beginning with a digit"
_METRIC = "write duration, cost, or measurement.NAME with the name of a value that the job writes"
_JOB_OR_APPLICATION = "give either job (a shipped one) or application (the path of your own script)"
_JOB_OR_COMMAND = "give either job (a shipped one) or command (your own program)"
_ONE_WORKLOAD = "give one workload: spark or tensorflow"
_ONE_VOLUME = "give exactly one of configMap, secret, persistentVolumeClaim and emptyDir"
_CONF = ("conf holds a key that the shape or the launch decides (spark.kubernetes.*, spark.master, spark.driver.host "
         "and ports, spark.executor.instances, .cores, .memory, .memoryOverhead, spark.dynamicAllocation.enabled, …): "
         "set workers, cpu and memory of the shape instead")
_QUEUE_LABEL = ("an engine's object names its queue in a label: give the LocalQueue at most 63 characters, or set "
                "engine: Native")
_NAME = ("metadata.name must be at most 30 characters of a-z, 0-9, '-', starting with a letter: the names of runs, "
         "services and pods are made from it")
_ENV = "spec.workload.spark.env"
_VOLUMES = "spec.volumes"
_TOLERATIONS = "spec.podTemplate.tolerations"


def _volume(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "data", "mountPath": "/data", "emptyDir": {}} | fields]


_NAMES = (
    _spark("name-too-long", "metadata.name", "a" * 31, _NAME),
    _spark("name-with-dots", "metadata.name", "read.speed", _NAME),
    _spark("name-begins-with-digit", "metadata.name", "1st", _NAME),
)
_WORKLOADS = (
    _spark("both-workloads", "spec.workload.tensorflow", {"job": "train"}, _ONE_WORKLOAD, at="spec.workload"),
    _spark("no-workload", "spec.workload", {}, _ONE_WORKLOAD),
    _spark("workload-absent", "spec.workload", REMOVED, "Required value", python="Field required"),
    _spark("job-and-application", "spec.workload.spark.application", "/a.py", _JOB_OR_APPLICATION,
           at="spec.workload.spark"),
    _spark("no-job-nor-application", "spec.workload.spark", {}, _JOB_OR_APPLICATION),
    _spark("unknown-job", "spec.workload.spark.job", "no-such-job", 'supported values: "read-speed"',
           python="Input should be 'read-speed'"),
    Bad("job-and-command", {"spec.workload.tensorflow.command": ["python"]}, "spec.workload.tensorflow",
        _JOB_OR_COMMAND, TENSORFLOW),
    Bad("no-job-nor-command", {"spec.workload.tensorflow.job": REMOVED}, "spec.workload.tensorflow",
        _JOB_OR_COMMAND, TENSORFLOW),
    _spark("relative-application", "spec.workload.spark", {"application": "a.py"}, _PATH,
           at="spec.workload.spark.application"),
    _spark("driver-cpu-zero", "spec.workload.spark.driver", {"cpu": "0m"}, _CPU, at="spec.workload.spark.driver.cpu"),
    _spark("driver-account", "spec.workload.spark.driver", {"serviceAccountName": "My Account"}, _OBJECT,
           at="spec.workload.spark.driver.serviceAccountName"),
    Bad("fractional-cpu-with-executor-cores", {
        "spec.shapes[0].cpu": "1.5", "spec.workload.spark.conf": {"spark.executor.cores": "2"}},
        "spec.workload.spark.conf", _CONF, SPARK),
    _spark("conf-kubernetes", "spec.workload.spark.conf", {"spark.kubernetes.namespace": "x"}, _CONF),
    _spark("unknown-engine", "spec.workload.spark.engine", "TFJob",
           'supported values: "Native", "SparkApplication"', python="Input should be 'Native' or 'SparkApplication'"),
    _spark("conf-memory", "spec.workload.spark.conf", {"spark.executor.memory": "9g"}, _CONF),
)
_ENVIRONMENTS = (
    _spark("env-value-and-source", _ENV, [
        {"name": "A", "value": "1", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "give either value or valueFrom", at=f"{_ENV}[0]"),
    _spark("env-without-value", _ENV, [{"name": "A"}], "give either value or valueFrom", at=f"{_ENV}[0]"),
    _spark("env-two-sources", _ENV, [{"name": "A", "valueFrom": {
        "secretKeyRef": {"name": "s", "key": "k"}, "configMapKeyRef": {"name": "s", "key": "k"}}}],
        "give one of secretKeyRef and configMapKeyRef", at=f"{_ENV}[0].valueFrom"),
    _spark("env-name-with-space", _ENV, [{"name": "A B", "value": "1"}], _VARIABLE, at=f"{_ENV}[0].name"),
    _spark("env-tf-config", _ENV, [{"name": "TF_CONFIG", "value": "{}"}],
           "SHAPEBENCH_* and TF_CONFIG are set by Shapebench; choose another name", at=f"{_ENV}[0].name"),
    _spark("env-ours", _ENV, [{"name": "SHAPEBENCH_RUN", "value": "x"}],
           "SHAPEBENCH_* and TF_CONFIG are set by Shapebench; choose another name", at=f"{_ENV}[0].name"),
    _spark("env-twice", _ENV, [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], "Duplicate value",
           at=f"{_ENV}[1]"),
    _spark("secret-name", _ENV, [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "My_Secret", "key": "k"}}}],
           _OBJECT, at=f"{_ENV}[0].valueFrom.secretKeyRef.name"),
)
_SHAPES = (
    _spark("no-shape", "spec.shapes", [], "should have at least 1 items", python="at least 1 item"),
    _spark("shapes-absent", "spec.shapes", REMOVED, "Required value", python="Field required"),
    _spark("zero-workers", "spec.shapes[0].workers", 0, "should be greater than or equal to 1",
           python="greater than or equal to 1"),
    _spark("negative-workers", "spec.shapes[0].workers", -2, "should be greater than or equal to 1",
           python="greater than or equal to 1"),
    _spark("workers-as-text", "spec.shapes[0].workers", "four", 'must be of type integer: "string"',
           python="valid integer"),
    _spark("workers-as-fraction", "spec.shapes[0].workers", 1.5, 'must be of type integer: "number"',
           python="valid integer"),
    _spark("duplicate-shape", "spec.shapes[1].name", "4x1", 'Duplicate value: {"name":"4x1"}', at="spec.shapes[1]",
           python="Duplicate value: '4x1'"),
    _spark("shape-name-with-capitals", "spec.shapes[0].name", "Big", _LABEL),
    _spark("cpu-zero", "spec.shapes[0].cpu", 0, _CPU),
    _spark("cpu-zero-text", "spec.shapes[0].cpu", "0.000", _CPU),
    _spark("cpu-negative", "spec.shapes[0].cpu", "-1", _CPU),
    _spark("cpu-negative-integer", "spec.shapes[0].cpu", -1, _CPU),
    _spark("cpu-in-words", "spec.shapes[0].cpu", "two", _CPU),
    _spark("cpu-as-number", "spec.shapes[0].cpu", 1.5, 'must be of type integer,string: "number"',
           python="valid string"),
    _spark("memory-zero", "spec.shapes[0].memory", "0Gi", _MEMORY),
    _spark("memory-without-unit", "spec.shapes[0].memory", 1024, _MEMORY),
    _spark("memory-with-wrong-unit", "spec.shapes[0].memory", "2GB", _MEMORY),
    _spark("price-with-currency", "spec.shapes[0].pricePerHour", "$1", _PRICE),
    _spark("price-negative", "spec.shapes[0].pricePerHour", "-0.1", _PRICE),
    _spark("node-selector-value", "spec.shapes[0].nodeSelector", {"pool": "small nodes"}, _LABELS),
    _spark("node-selector-key", "spec.shapes[0].nodeSelector", {"/pool": "small"}, _LABELS),
)
_PARAMETERS = (
    _spark("parameter-named-workers", "spec.parameters", [{"name": "workers", "values": [1]}], _KNOWN,
           at="spec.parameters[0].name"),
    _spark("parameter-name-with-dash", "spec.parameters", [{"name": "batch-size", "values": [1]}], _PARAMETER,
           at="spec.parameters[0].name"),
    _spark("duplicate-parameter", "spec.parameters", [{"name": "a", "values": [1]}, {"name": "a", "values": [2]}],
           "Duplicate value", at="spec.parameters[1]"),
    _spark("duplicate-value", "spec.parameters", [{"name": "a", "values": [2, 2]}], "Duplicate value",
           at="spec.parameters[0].values[1]"),
    _spark("value-is-object", "spec.parameters", [{"name": "a", "values": [{"b": 1}]}],
           "must have at most 0 items", at="spec.parameters[0].values[0]", python="Input should be a valid"),
    _spark("value-is-empty-object", "spec.parameters", [{"name": "a", "values": [{}]}],
           "should have at least 1 properties", at="spec.parameters[0].values[0]", python="Input should be a valid"),
    _spark("value-is-list", "spec.parameters", [{"name": "a", "values": [[1]]}],
           "must have at most 0 items", at="spec.parameters[0].values[0]", python="Input should be a valid"),
    _spark("parameter-without-values", "spec.parameters", [{"name": "a", "values": []}],
           "should have at least 1 items", at="spec.parameters[0].values", python="at least 1 item"),
)
_LIMITS = (
    _spark("timeout-zero", "spec.limits.runTimeout", "0s", _DURATION),
    _spark("timeout-in-words", "spec.limits.startTimeout", "5 minutes", _DURATION),
    _spark("timeout-without-unit", "spec.limits.runTimeout", "5", _DURATION),
    _spark("timeout-empty", "spec.limits.runTimeout", "", _DURATION),
    _spark("timeout-as-number", "spec.limits.runTimeout", 300, 'must be of type string: "integer"',
           python="valid string"),
    _spark("cost-without-prices", "spec.objective.metric", "cost", "objective cost needs pricePerHour in every shape",
           at="spec.shapes"),
    _spark("budget-without-prices", "spec.limits.budget", "25.00",
           "limits.budget needs pricePerHour in every shape", at="spec.shapes"),
    _spark("budget-in-words", "spec.limits.budget", "25 EUR", _PRICE),
    _spark("share-above-one", "spec.validity.maxStealShare", "1.5", _SHARE),
    _spark("share-in-percent", "spec.validity.maxForeignCpuShare", "25%", _SHARE),
    _spark("sample-interval-too-short", "spec.sampleInterval", "10ms", _INTERVAL),
    _spark("sample-interval-in-minutes", "spec.sampleInterval", "1m", _INTERVAL),
    _spark("unknown-policy", "spec.validity.policy", "Drop", 'supported values: "Exclude", "Flag"',
           python="'Exclude' or 'Flag'"),
    _spark("unknown-isolation", "spec.isolation", "Pod", 'supported values: "None", "Node"',
           python="'None' or 'Node'"),
    _spark("unknown-metric", "spec.objective.metric", "speed", _METRIC),
    _spark("unknown-goal", "spec.objective.goal", "minimise", 'supported values: "Minimize", "Maximize"',
           python="'Minimize' or 'Maximize'"),
    _spark("unknown-order", "spec.order.kind", "Random", 'supported values: "RandomizedBlocks", "Sequential"',
           python="'RandomizedBlocks' or 'Sequential'"),
)
_QUEUES = (
    _spark("queue-name-with-capitals", "spec.queueName", "Research", _OBJECT),
    _spark("queue-name-ends-with-dot", "spec.queueName", "team-a.", _OBJECT),
    Bad("queue-name-longer-than-a-label", {"spec.queueName": "a" * 64, "spec.workload.tensorflow.engine": "TFJob"},
        "spec.queueName", _QUEUE_LABEL, TENSORFLOW),
)
_PODS = (
    _spark("volume-without-source", _VOLUMES, [{"name": "data", "mountPath": "/data"}], _ONE_VOLUME,
           at=f"{_VOLUMES}[0]"),
    _spark("volume-with-two-sources", _VOLUMES, _volume(configMap={"name": "a"}), _ONE_VOLUME, at=f"{_VOLUMES}[0]"),
    _spark("mount-relative", _VOLUMES, _volume(mountPath="data"), _PATH, at=f"{_VOLUMES}[0].mountPath"),
    _spark("mount-root", _VOLUMES, _volume(mountPath="/"), "mountPath must be a folder below /, such as /data",
           at=f"{_VOLUMES}[0].mountPath"),
    _spark("mount-over-agent", _VOLUMES, _volume(mountPath="/shapebench/agent"),
           "/shapebench/agent and /shapebench/conf belong to Shapebench; choose another mountPath",
           at=f"{_VOLUMES}[0].mountPath"),
    _spark("volume-with-our-name", _VOLUMES, _volume(name="shapebench-data"),
           "names that begin with shapebench- belong to Shapebench; choose another name", at=f"{_VOLUMES}[0].name"),
    _spark("volume-name", _VOLUMES, _volume(name="My Data"), _LABEL, at=f"{_VOLUMES}[0].name"),
    _spark("volume-twice", _VOLUMES, _volume() + _volume(mountPath="/other"), "Duplicate value", at=f"{_VOLUMES}[1]"),
    _spark("mount-twice", _VOLUMES, _volume() + _volume(name="other"), "two volumes have the same mountPath",
           at=_VOLUMES),
    _spark("size-limit", _VOLUMES, _volume(emptyDir={"sizeLimit": "big"}), _MEMORY,
           at=f"{_VOLUMES}[0].emptyDir.sizeLimit"),
    _spark("toleration-value", _TOLERATIONS, [{"key": "a", "operator": "Exists", "value": "b"}],
           "operator Exists takes no value", at=f"{_TOLERATIONS}[0].value"),
    _spark("toleration-without-key", _TOLERATIONS, [{"value": "b"}],
           "give a key, or operator Exists (which tolerates every taint)", at=f"{_TOLERATIONS}[0].key"),
    _spark("toleration-seconds", _TOLERATIONS, [{"key": "a", "tolerationSeconds": 5}],
           "tolerationSeconds needs effect NoExecute", at=f"{_TOLERATIONS}[0].tolerationSeconds"),
    _spark("our-label", "spec.podTemplate.labels", {"shapebench.dev/run": "x"},
           "labels under shapebench.dev/ belong to Shapebench; choose another key"),
    _spark("label-value", "spec.podTemplate.labels", {"team": "-a-"}, _LABELS),
    _spark("root-user", "spec.podTemplate.securityContext", {"runAsUser": 0}, "should be greater than or equal to 1",
           at="spec.podTemplate.securityContext.runAsUser", python="greater than or equal to 1"),
)
_UNKNOWN = (
    _spark("unknown-field", "spec.shape", "4x1", 'unknown field "spec.shape"', python="Extra inputs are not permitted"),
    _spark("misspelt-field", "spec.shapes[0].cores", 2, 'unknown field "spec.shapes[0].cores"',
           python="Extra inputs are not permitted"),
    _spark("host-path", _VOLUMES, _volume(hostPath={"path": "/"}), f'unknown field "{_VOLUMES}[0].hostPath"',
           at=f"{_VOLUMES}[0].hostPath", python="Extra inputs are not permitted"),
)

CASES: tuple[Bad, ...] = (*_NAMES, *_WORKLOADS, *_ENVIRONMENTS, *_SHAPES, *_PARAMETERS, *_LIMITS, *_QUEUES, *_PODS,
                          *_UNKNOWN)
