"""TensorFlow, TFJob-style: worker pods (and parameter servers) with TF_CONFIG and stable names."""

from __future__ import annotations

import json

from shapebench.api import keys, wire
from shapebench.api.workload import TENSORFLOW_JOBS, TensorFlowWorkload
from shapebench.build import pod, service
from shapebench.build.attempt import Attempt, KubeObject

PORT = 2222


def gang(attempt: Attempt) -> tuple[KubeObject, ...]:
    """The Service, then the pods."""
    members = _members(attempt)
    return (service.headless(attempt), *(_pod(attempt, members, member) for member in members))


def pod_names(attempt: Attempt) -> tuple[str, ...]:
    """Workers, then parameter servers."""
    return tuple(keys.pod_name(attempt.gang, role, index) for role, index in _members(attempt))


def tf_config(hosts: dict[str, list[str]], role: str, index: int) -> str:
    """TF_CONFIG of one task: who is in the cluster (by role, host:port) and which of them this is."""
    return json.dumps({"cluster": hosts, "task": {"type": role, "index": index}}, separators=(",", ":"))


def program(workload: TensorFlowWorkload, arguments: list[str]) -> tuple[str, ...]:
    """The command line of a worker."""
    if workload.job is not None:
        return ("python3", "-m", TENSORFLOW_JOBS[workload.job], *arguments)
    return (*workload.command, *arguments)


def _members(attempt: Attempt) -> list[tuple[str, int]]:
    workers = [(wire.ROLE_WORKER, index) for index in range(attempt.run.shape.workers)]
    return workers + [(wire.ROLE_PARAMETER_SERVER, index) for index in range(_workload(attempt).parameter_servers)]


def _pod(attempt: Attempt, members: list[tuple[str, int]], member: tuple[str, int]) -> KubeObject:
    role_name, index = member
    role = pod.Role(
        role=role_name,
        index=index,
        cpu=str(attempt.run.shape.cpu),
        memory=str(attempt.run.shape.memory),
        program=program(_workload(attempt), attempt.arguments()),
        env=_environment(attempt, members, member),
        shape=attempt.run.shape,
    )
    name = keys.pod_name(attempt.gang, role_name, index)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": pod.metadata(attempt, role, name),
        "spec": pod.spec(attempt, role) | {"hostname": name, "subdomain": attempt.gang},
    }


def _environment(attempt: Attempt, members: list[tuple[str, int]], me: tuple[str, int]) -> tuple[KubeObject, ...]:
    hosts = {member: f"{keys.pod_name(attempt.gang, *member)}.{attempt.gang}.{attempt.namespace}.svc"
             for member in members}
    by_role: dict[str, list[str]] = {}
    for (role, _), host in hosts.items():
        by_role.setdefault(role, []).append(f"{host}:{PORT}")
    variables = [{"name": "TF_CONFIG", "value": tf_config(by_role, *me)}]
    # A worker whose peer is not there hangs in TensorFlow and ignores SIGTERM: the agents find each other first.
    peers = [f"{host}:{wire.AGENT_PORT}" for member, host in hosts.items() if member != me]
    if peers:
        variables.append({"name": wire.ENV_AWAIT, "value": ",".join(peers)})
    return tuple(variables)


def _workload(attempt: Attempt) -> TensorFlowWorkload:
    workload = attempt.benchmark.spec.workload.tensorflow
    assert workload is not None  # the table in gang.py
    return workload
