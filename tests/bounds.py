"""Breaks, one at a time, every bound that a CRD's schema sets on a given manifest.

Which bounds there are is read from the schema, so a new field's bounds are tested as soon as `WHOLE_*` uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bad_benchmarks import Manifest, changed

Schema = dict[str, Any]

_SPEC: dict[str, Any] = {
    "shapes": [{"name": "4x1", "workers": 4, "cpu": "1", "memory": "2Gi", "pricePerHour": "0.05",
                "nodeSelector": {"pool": "small"},
                "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute",
                                 "tolerationSeconds": 3}]}],
    "parameters": [{"name": "batchSize", "values": ["a", 1, 0.5, True]}],
    "repetitions": {"count": 3, "warmups": 1},
    "order": {"kind": "RandomizedBlocks", "seed": 7},
    "objective": {"metric": "measurement.images_per_second", "goal": "Maximize"},
    "limits": {"concurrency": 1, "startTimeout": "5m", "runTimeout": "1h30m", "retries": 2, "failuresPerCell": 2},
    "volumes": [{"name": "a", "mountPath": "/a", "readOnly": True, "configMap": {"name": "a"}},
                {"name": "b", "mountPath": "/b", "secret": {"secretName": "a.b"}},
                {"name": "c", "mountPath": "/c", "persistentVolumeClaim": {"claimName": "a"}},
                {"name": "d", "mountPath": "/d", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}],
    "podTemplate": {
        "labels": {"team": "a"}, "annotations": {"example.com/note": "any text at all"}, "nodeSelector": {"pool": "b"},
        "tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "registry"}],
        "priorityClassName": "low", "schedulerName": "mine",
        "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}},
    "queueName": "team-a.research",
    "suspend": True,
    "ttlSecondsAfterFinished": 3600,
}
_PROGRAM: dict[str, Any] = {
    "image": "registry.example:5000/a/b@sha256:0", "imagePullPolicy": "Always", "arguments": ["--n={batchSize}"],
    "env": [{"name": "A", "value": ""},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}],
}


def _whole(name: str, workload: dict[str, Any]) -> Manifest:
    return {"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": name},
            "spec": {"workload": workload, **_SPEC}}


WHOLE_SPARK = _whole("whole-spark", {"spark": _PROGRAM | {
    "engine": "SparkApplication", "application": "/a/mine.py", "executorEntrypoint": "/opt/entrypoint.sh",
    "conf": {"spark.rdd.compress": "true"},
    "driver": {"cpu": "500m", "memory": "1Gi", "serviceAccountName": "spark"}}})
WHOLE_TENSORFLOW = _whole("whole-tensorflow", {"tensorflow": _PROGRAM | {
    "engine": "TFJob", "command": ["python", "/a/mine.py"], "parameterServers": 1}})
"""Valid Benchmarks that between them use every field that can be used together."""


@dataclass(frozen=True)
class Broken:
    """A manifest that breaks one bound at one path."""

    id: str
    path: str
    manifest: Manifest


def broken(schema: Schema, manifest: Manifest, path: str = "spec") -> Iterator[Broken]:
    """Every bound of the schema's spec, broken in the manifest where it has a value."""
    node: Any = manifest["spec"]
    yield from _walk(schema["properties"]["spec"], node, path, manifest)


def _walk(schema: Schema, value: Any, path: str, manifest: Manifest) -> Iterator[Broken]:
    for bound, wrong in _violations(schema, value):
        yield Broken(f"{path}-{bound}", path, changed(manifest, {path: wrong}))
    if isinstance(value, dict):
        for name, child in value.items():
            if name in schema.get("properties", {}):
                yield from _walk(schema["properties"][name], child, f"{path}.{name}", manifest)
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from _walk(schema["items"], child, f"{path}[{index}]", manifest)


def _violations(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    if "enum" in schema:
        yield "enum", "something-else"
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + 1
    if isinstance(value, str) and "maxLength" in schema:
        yield "maxLength", value + (value[-1:] or "a") * (schema["maxLength"] + 1 - len(value))
    if isinstance(value, str) and schema.get("minLength"):
        yield "minLength", ""
    if isinstance(value, list):
        yield "maxItems", [_numbered(value[0], number) for number in range(schema["maxItems"] + 1)]
        if schema.get("minItems"):
            yield "minItems", []
    if isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        key, one = next(iter(value.items()))
        yield "maxProperties", {f"{key}{number}": one for number in range(schema["maxProperties"] + 1)}
        yield "value-maxLength", {key: "a" * (schema["additionalProperties"]["maxLength"] + 1)}


def _numbered(item: Any, number: int) -> Any:
    """A copy of a list's item that differs from the others, where lists want different names."""
    if isinstance(item, dict) and "mountPath" in item:
        return item | {"name": f"n{number}", "mountPath": f"/n{number}"}
    return item | {"name": f"n{number}"} if isinstance(item, dict) and "name" in item else f"n{number}" if isinstance(
        item, str) else item
