"""A run's nodes to itself: what `isolation: Node` puts into every pod of the run.

Required anti-affinity against every pod that does not bear the run's own mark. The scheduler keeps it both ways: a pod
of the run goes to no node with such a pod, and such a pod, if it comes later, to no node with a pod of the run; so two
isolated runs never share a node either. Pods that have ended do not count. The namespaces of the cluster's own daemons
are let be, since these have pods on every node.
"""

from __future__ import annotations

from shapebench.api import keys
from shapebench.build.attempt import Attempt, KubeObject

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""On every namespace, written by the API server: its name."""
NODE = "kubernetes.io/hostname"


def labels(attempt: Attempt) -> dict[str, str]:
    """The mark of the run's pods. Not the run's name: a run of another namespace may have that too."""
    return {} if attempt.benchmark.spec.isolation == "None" else {keys.LABEL_ISOLATION: attempt.owner_uid}


def affinity(attempt: Attempt) -> KubeObject:
    """The pods' affinity; empty where the Benchmark asks for no isolation.

    One term, and the own namespace by its name: when a pod goes that was in the way, schedulers of Kubernetes 1.32 and
    later look again at once only at pods of which every term matches it, by a namespace that is named (issues 134393
    and 141953 there); at others after five minutes.
    """
    mark = labels(attempt)
    if not mark:
        return {}
    system = attempt.settings.system_namespaces
    term: KubeObject = {
        "topologyKey": NODE,
        "labelSelector": {"matchExpressions": [_expression(keys.LABEL_ISOLATION, "NotIn", *mark.values())]},
        # NotIn alone matches a namespace without any label too, as which schedulers of 1.34 and 1.35 take all of them
        # (Kubernetes' issue 141526); with Exists beside it they look at the names.
        "namespaceSelector": {"matchExpressions": [
            {"key": NAMESPACE_NAME, "operator": "Exists"},
            *([_expression(NAMESPACE_NAME, "NotIn", *sorted(set(system)))] if system else [])]},
    }
    if attempt.namespace not in system:
        term["namespaces"] = [attempt.namespace]
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def _expression(key: str, operator: str, *values: str) -> KubeObject:
    return {"key": key, "operator": operator, "values": list(values)}
