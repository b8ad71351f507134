"""The CustomResourceDefinitions, generated from the models: structural, with rules and printer columns.

`python -m shapebench.api.crd FOLDER` writes them; `make generate` does so, and `make verify` proves they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from shapebench.api import benchmark, keys, run, status

Schema = dict[str, Any]

_DROPPED = ("title", "discriminator", "additionalProperties", "const", "propertyNames")


def structural(model: type[BaseModel]) -> Schema:
    """The model's schema as Kubernetes wants it: references resolved, nulls dropped, in camelCase."""
    schema = model.model_json_schema(by_alias=True)
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: Schema, definitions: dict[str, Schema]) -> Schema:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        node = target | {key: value for key, value in node.items() if key != "$ref"}
    node = _without_null(node, definitions)
    result = {key: value for key, value in node.items() if key not in (*_DROPPED, "$defs", "default")}
    if isinstance(node.get("default"), dict) and "properties" in node:
        result["default"] = {}  # an object's fields have defaults of their own, filled in when it is there
    elif node.get("default") not in (None, [], {}, ()):
        result["default"] = node["default"]
    if "const" in node:
        result |= {"type": "string", "enum": [node["const"]]}
    if "properties" in node:
        result["properties"] = {name: _structural(child, definitions) for name, child in node["properties"].items()}
    if "items" in node:
        result["items"] = _without_defaults(_structural(node["items"], definitions))
    if isinstance(node.get("additionalProperties"), dict):
        result["additionalProperties"] = _structural(node["additionalProperties"], definitions)
    if node.get("type") == "array":
        result.setdefault("x-kubernetes-list-type", "atomic")
    if node.get("exclusiveMinimum") is not None:
        raise ValueError("write ge=, not gt=: OpenAPI v3.0 has no number for exclusiveMinimum")
    return _described(result)


def _without_null(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """`X | None` is X that may be absent."""
    if "anyOf" not in node:
        return node
    branches = [branch for branch in node["anyOf"] if branch.get("type") != "null"]
    if len(branches) != 1:
        raise ValueError(f"a union has no structural schema: {branches}")
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    inner = branches[0]
    if "$ref" in inner:
        inner = definitions[inner["$ref"].rsplit("/", 1)[1]]
    return _without_null(inner, definitions) | rest


def _without_defaults(schema: Schema) -> Schema:
    """Kubectl compares lists whole: with a default filled into an item, the same file differs when applied again."""
    result = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in result:
        result["properties"] = {name: _without_defaults(child) for name, child in result["properties"].items()}
    return result


def _described(node: Schema) -> Schema:
    """Descriptions in one line, without reST marks."""
    if "description" in node:
        node["description"] = " ".join(node["description"].replace("`", "").split())
    return node


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


def _definition(kind: str, plural: str, short: str, columns: list[Schema], schema: Schema) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{keys.GROUP}"},
        "spec": {
            "group": keys.GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower(),
                      "shortNames": [short], "categories": ["shapebench"]},
            "versions": [{"name": keys.VERSION, "served": True, "storage": True, "subresources": {"status": {}},
                          "additionalPrinterColumns": columns, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def _object(description: str, spec: Schema, status_schema: Schema, rules: list[dict[str, str]]) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
                       "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
                       "spec": spec, "status": status_schema},
        "x-kubernetes-validations": rules,
    }


def benchmark_crd() -> Schema:
    """The CRD of Benchmark."""
    columns = [
        _column("Phase", ".status.phase"),
        _column("Progress", ".status.progress"),
        _column("Failed", ".status.runs.failed", "integer", 1),
        _column("Excluded", ".status.runs.excluded", "integer", 1),
        _column("Best", ".status.best.summary"),
        _column("Spent", ".status.costSpent", "number", 1),
        _column("Age", ".metadata.creationTimestamp", "date"),
    ]
    rules = [benchmark.NAME_RULE.schema(), *benchmark.fixed_field_rules()]
    schema = _object("What to compare: one workload, shapes, parameters and repetitions, with an objective.",
                     structural(benchmark.BenchmarkSpec), structural(status.BenchmarkStatus), rules)
    return _definition("Benchmark", keys.BENCHMARKS, "bm", columns, schema)


def run_crd() -> Schema:
    """The CRD of BenchmarkRun."""
    columns = [
        _column("Phase", ".status.phase"),
        _column("Reason", ".status.reason"),
        _column("Shape", ".spec.shape"),
        _column("Block", ".spec.block", "integer"),
        _column("Attempt", ".status.attempt", "integer", 1),
        _column("Queue s", ".status.queueS", "number", 1),
        _column("Start-up s", ".status.startupS", "number", 1),
        _column("Duration", ".status.duration"),
        _column("Cost", ".status.cost", "number", 1),
        _column("Spent", ".status.costSpent", "number", 1),
        _column("Verdict", ".status.verdict"),
        _column("Flag", ".status.flags[0].kind", priority=1),
        _column("Age", ".metadata.creationTimestamp", "date"),
    ]
    rules = [{"rule": "self.spec == oldSelf.spec", "message": "a run's spec never changes", "fieldPath": ".spec"}]
    schema = _object("One execution of a cell, made by the operator just before it runs.",
                     structural(run.RunSpec), structural(run.RunStatus), rules)
    return _definition("BenchmarkRun", keys.BENCHMARK_RUNS, "bmr", columns, schema)


class _NoAliases(yaml.SafeDumper):
    """Writes a schema that is used twice twice: people read these files."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def write(folder: Path) -> None:
    """Write both CRDs as YAML into `folder`."""
    for crd in (benchmark_crd(), run_crd()):
        text = yaml.dump(crd, Dumper=_NoAliases, sort_keys=False, width=110)
        (folder / f"{crd['metadata']['name']}.yaml").write_text("# Generated by `make generate`; do not edit.\n" + text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
