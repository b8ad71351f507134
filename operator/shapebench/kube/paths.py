"""Where each kind lives in the API, and nothing but the kinds that the operator touches."""

from __future__ import annotations

from urllib.parse import quote

from shapebench.api import keys

CORE = "/api/v1"
OWN = f"/apis/{keys.API_VERSION}"

_PLACES = {
    "Benchmark": (OWN, keys.BENCHMARKS),
    "BenchmarkRun": (OWN, keys.BENCHMARK_RUNS),
    "Pod": (CORE, "pods"),
    "Node": (CORE, "nodes"),
    "Service": (CORE, "services"),
    "ConfigMap": (CORE, "configmaps"),
    "ServiceAccount": (CORE, "serviceaccounts"),
    "Event": (CORE, "events"),
    "SparkApplication": ("/apis/sparkoperator.k8s.io/v1beta2", "sparkapplications"),
    "ResourceFlavor": ("/apis/kueue.x-k8s.io/v1beta2", "resourceflavors"),
    "Workload": ("/apis/kueue.x-k8s.io/v1beta2", "workloads"),
    "TFJob": ("/apis/kubeflow.org/v1", "tfjobs"),
}


def root(kind: str) -> str:
    """The path of the kind's group and version: what the server answers tells whether it serves them."""
    return _PLACES[kind][0]


def collection(kind: str, namespace: str | None) -> str:
    """The path of all objects of a kind in a namespace (None: in every namespace)."""
    group, plural = _PLACES[kind]
    return f"{group}/{plural}" if namespace is None else f"{group}/namespaces/{quote(namespace, safe='')}/{plural}"


def item(kind: str, namespace: str | None, name: str, subresource: str = "") -> str:
    """The path of one object, or of its subresource."""
    path = f"{collection(kind, namespace)}/{quote(name, safe='')}"
    return f"{path}/{subresource}" if subresource else path
