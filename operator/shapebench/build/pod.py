"""The pod that all roles share: the agent by init container, the program as its child, `restricted` security.

CPU and memory are request and limit at once in every container, so that the pod is Guaranteed and a shape means the
same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapebench.api import benchmark, keys, quantity, wire
from shapebench.build import isolation, volumes
from shapebench.build.attempt import Attempt, KubeObject, Placement

GRACE_S = 10
"""Long enough for the agent to write its record, short enough for a TensorFlow worker that ignores SIGTERM."""

BUNDLED_AGENT = (f"{wire.AGENT_PYTHON_DIR}/ld.so", "--library-path", f"{wire.AGENT_PYTHON_DIR}/lib",
                 f"{wire.AGENT_PYTHON_DIR}/bin/python3", "-I", wire.AGENT_FILE)
"""Starts the agent in an image without Python. The linker comes along, so that the image need not even have a libc;
-I because PYTHONPATH and PYTHONHOME, where the image sets them, are another Python's."""


@dataclass(frozen=True)
class Role:
    """What tells one pod of a gang from another."""

    role: str
    index: int | None
    cpu: str
    memory: str
    program: tuple[str, ...]
    env: tuple[KubeObject, ...] = ()
    shape: benchmark.Shape | None = None
    """Whose nodes the pod must run on; None for a driver, which is no part of the shape."""
    container: str = keys.PROGRAM_CONTAINER


def metadata(attempt: Attempt, role: Role, name: str | None) -> KubeObject:
    """A pod's metadata; without a name and an owner for a template (who makes the pod gives both)."""
    template = attempt.benchmark.spec.pod_template
    labels = dict(template.labels) | attempt.labels() | {keys.LABEL_ROLE: role.role} | isolation.labels(attempt)
    if role.index is not None:
        labels[keys.LABEL_INDEX] = str(role.index)
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(wire.AGENT_PORT),
        "prometheus.io/path": "/metrics",
    } | dict(template.annotations)
    base = attempt.metadata(name, labels) if name is not None else {"labels": labels}
    return base | {"annotations": annotations}


def engine_template(attempt: Attempt, role: Role) -> KubeObject:
    """The template of a pod that another operator makes: it tells by a label whose pod it is."""
    made = {"metadata": metadata(attempt, role, None), "spec": spec(attempt, role)}
    made["metadata"]["labels"][keys.LABEL_RUN_UID] = attempt.owner_uid
    return made


def spec(attempt: Attempt, role: Role) -> KubeObject:
    """A pod's spec."""
    own = attempt.benchmark.spec.volumes
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_S,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _pod_security(attempt),
        "initContainers": [_agent_container(attempt, role)],
        "containers": [_program_container(attempt, role)],
        "volumes": volumes.sources(own),
        **scheduling(attempt, role),
    }


def follow(leader: str) -> KubeObject:
    """The variable of a pod whose program marks no measured part: in whose its usage is counted (wire.ENV_FOLLOW)."""
    return {"name": wire.ENV_FOLLOW, "value": leader}


def resources(cpu: str, memory: str) -> KubeObject:
    """Request and limit at once."""
    size = {"cpu": quantity.cpu_text(quantity.cpu_cores(cpu)), "memory": memory}
    return {"requests": dict(size), "limits": dict(size)}


def image(attempt: Attempt) -> tuple[str, str]:
    """The program's image and its pull policy."""
    settings, workload = attempt.settings, attempt.benchmark.spec.workload
    default = settings.spark_image if workload.kind == "spark" else settings.tensorflow_image
    return workload.program.image or default, workload.program.image_pull_policy or settings.image_pull_policy


def _program_container(attempt: Attempt, role: Role) -> KubeObject:
    name, pull_policy = image(attempt)
    return {
        "name": role.container,
        "image": name,
        "imagePullPolicy": pull_policy,
        "command": [*_agent_command(attempt), "--", *role.program],
        "env": _environment(attempt, role),
        "ports": [{"name": "agent", "containerPort": wire.AGENT_PORT}],
        "resources": resources(role.cpu, role.memory),
        "securityContext": _container_security(),
        "volumeMounts": volumes.mounts(attempt.benchmark.spec.volumes),
    }


def _agent_container(attempt: Attempt, role: Role) -> KubeObject:
    return {
        "name": "agent",
        "image": attempt.settings.operator_image,
        "imagePullPolicy": attempt.settings.image_pull_policy,
        "command": ["cp", *_agent_files(attempt), wire.AGENT_DIR],
        "resources": resources(role.cpu, role.memory),
        "securityContext": _container_security() | {"readOnlyRootFilesystem": True},
        "volumeMounts": [volumes.agent_mount(read_only=False)],
    }


def _agent_command(attempt: Attempt) -> tuple[str, ...]:
    own = attempt.benchmark.spec.workload.program.agent_python == "Bundled"
    return BUNDLED_AGENT if own else ("python3", wire.AGENT_FILE)


def _agent_files(attempt: Attempt) -> tuple[str, ...]:
    if attempt.benchmark.spec.workload.program.agent_python == "Image":
        return (wire.IMAGE_AGENT_FILE,)
    return ("-r", wire.IMAGE_AGENT_FILE, wire.IMAGE_AGENT_PYTHON_DIR)


def _environment(attempt: Attempt, role: Role) -> list[KubeObject]:
    benchmark_, run = attempt.benchmark, attempt.run
    fixed = {
        wire.ENV_NAMESPACE: attempt.namespace,
        wire.ENV_BENCHMARK: benchmark_.metadata.name,
        wire.ENV_RUN: run.name,
        wire.ENV_SHAPE: run.shape.name,
        wire.ENV_ROLE: role.role,
        wire.ENV_WORKERS: str(run.shape.workers),
        wire.ENV_CPU: f"{quantity.cpu_cores(run.shape.cpu):g}",
        wire.ENV_SEED: str(benchmark_.spec.order.seed),
        wire.ENV_COUNTERS: "cgroup",
        wire.ENV_METRICS_PORT: str(wire.AGENT_PORT),
        wire.ENV_SAMPLE_INTERVAL_S: f"{_sample_interval_s(attempt):g}",
        wire.ENV_AWAIT_TIMEOUT_S: str(quantity.duration_s(benchmark_.spec.limits.start_timeout)),
        "PYTHONUNBUFFERED": "1",
    }
    if role.index is not None:
        fixed[wire.ENV_INDEX] = str(role.index)
    own = [variable.model_dump(by_alias=True, exclude_none=True) for variable in benchmark_.spec.workload.program.env]
    return [
        *({"name": name, "value": value} for name, value in fixed.items()),
        {"name": wire.ENV_NODE, "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": wire.ENV_POD, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        *(dict(variable) for variable in role.env),
        *own,
    ]


def _sample_interval_s(attempt: Attempt) -> float:
    own = attempt.benchmark.spec.sample_interval
    return quantity.interval_s(own) if own is not None else attempt.settings.sample_interval_s


def scheduling(attempt: Attempt, role: Role) -> KubeObject:
    """Which nodes the pod may run on, and who puts it there."""
    template, shape = attempt.benchmark.spec.pod_template, role.shape
    place = attempt.placements.get(role.role, Placement())
    own = [one.model_dump(by_alias=True, exclude_none=True)
           for one in (*template.tolerations, *(shape.tolerations if shape else ()))]
    fields: KubeObject = {
        "nodeSelector": {**template.node_selector, **(shape.node_selector if shape else {}), **place.node_selector},
        "tolerations": own + [dict(one) for one in place.tolerations],
        "affinity": isolation.affinity(attempt),
        "imagePullSecrets": [{"name": one.name} for one in template.image_pull_secrets],
        "priorityClassName": template.priority_class_name,
        "schedulerName": template.scheduler_name,
    }
    return {name: value for name, value in fields.items() if value}


def _pod_security(attempt: Attempt) -> KubeObject:
    own = attempt.benchmark.spec.pod_template.security_context.model_dump(by_alias=True, exclude_none=True)
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}} | own


def _container_security() -> KubeObject:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
