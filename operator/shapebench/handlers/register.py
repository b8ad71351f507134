"""kopf's handlers: each hands on what it got and returns. None needs a finalizer, so none ever holds up a deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf

from shapebench.api import keys
from shapebench.handlers import kopf_settings
from shapebench.handlers.operator import Operator


def registry_of(operator: Operator) -> kopf.OperatorRegistry:
    """A registry with the operator's handlers, for `kopf.run`."""
    registry = kopf.OperatorRegistry()
    _life(registry, operator)
    _events(registry, operator)
    return registry


def _life(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    kopf.on.login(registry=registry)(kopf.login_via_client)

    @kopf.on.startup(registry=registry)
    def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        kopf_settings.configure(settings)
        operator.start()

    @kopf.on.cleanup(registry=registry)
    def stop(**_: Any) -> None:
        operator.stop()

    @kopf.on.probe(registry=registry, id="workers")
    def workers(**_: Any) -> str:
        problem = operator.dead()
        if problem is not None:
            raise kopf.PermanentError(problem)  # kopf answers 500, and the kubelet starts a new process
        return "ok"


def _events(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    @kopf.on.event(keys.GROUP, keys.VERSION, keys.BENCHMARKS, registry=registry)
    @kopf.on.event(keys.GROUP, keys.VERSION, keys.BENCHMARK_RUNS, registry=registry)
    @kopf.on.event("", "v1", "pods", labels={keys.LABEL_BENCHMARK: kopf.PRESENT}, registry=registry)
    def changed(event: Mapping[str, Any], **_: Any) -> None:
        operator.changed(event["type"], event["object"])
