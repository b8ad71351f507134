"""TensorFlow, TFJob-style: worker pods (and parameter servers) with TF_CONFIG and stable names."""

from __future__ import annotations

import json
from collections.abc import Mapping

from shapebench.api import keys, wire
from shapebench.api.workload import TensorFlowWorkload, job_module
from shapebench.build import pod, service
from shapebench.build.attempt import Attempt, KubeObject

PORT = 2222
Task = tuple[str, int]
"""A member of the gang: its role, and its number within the role."""
LEADER: Task = (wire.ROLE_WORKER, 0)
"""In whose measured part the parameter servers' usage is counted: they mark none themselves."""


def gang(attempt: Attempt) -> tuple[KubeObject, ...]:
    """The Service, then the pods."""
    all_members = members(attempt)
    return (service.headless(attempt), *(_pod(attempt, all_members, member) for member in all_members))


def pod_names(attempt: Attempt) -> tuple[str, ...]:
    """Workers, then parameter servers."""
    return tuple(keys.pod_name(attempt.gang, role, index) for role, index in members(attempt))


def tasks(workload: TensorFlowWorkload, workers: int) -> list[Task]:
    """Who is in the gang: workers, then parameter servers."""
    return [*((wire.ROLE_WORKER, index) for index in range(workers)),
            *((wire.ROLE_PARAMETER_SERVER, index) for index in range(workload.parameter_servers))]


def tf_config(addresses: Mapping[Task, str], me: Task) -> str:
    """TF_CONFIG of one task: who is in the cluster (host:port of each) and which of them this is."""
    cluster: dict[str, list[str]] = {}
    for (role, _), address in addresses.items():
        cluster.setdefault(role, []).append(address)
    return json.dumps({"cluster": cluster, "task": {"type": me[0], "index": me[1]}}, separators=(",", ":"))


def program(workload: TensorFlowWorkload, arguments: list[str]) -> tuple[str, ...]:
    """The command line of a worker."""
    if workload.job is not None:
        return ("python3", "-m", job_module(workload.job), *arguments)
    return (*workload.command, *arguments)


def members(attempt: Attempt) -> list[Task]:
    """Who is in the attempt's gang."""
    return tasks(_workload(attempt), attempt.run.shape.workers)


def worker_program(attempt: Attempt) -> tuple[str, ...]:
    """What every member runs."""
    return program(_workload(attempt), attempt.arguments())


def _pod(attempt: Attempt, all_members: list[Task], member: Task) -> KubeObject:
    role_name, index = member
    role = pod.Role(
        role=role_name,
        index=index,
        cpu=str(attempt.run.shape.cpu),
        memory=str(attempt.run.shape.memory),
        program=worker_program(attempt),
        env=_environment(attempt, all_members, member),
        shape=attempt.run.shape,
    )
    name = keys.pod_name(attempt.gang, role_name, index)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": pod.metadata(attempt, role, name),
        "spec": pod.spec(attempt, role) | {"hostname": name, "subdomain": attempt.gang},
    }


def _environment(attempt: Attempt, all_members: list[Task], me: Task) -> tuple[KubeObject, ...]:
    hosts = {member: f"{keys.pod_name(attempt.gang, *member)}.{attempt.gang}.{attempt.namespace}.svc"
             for member in all_members}
    addresses = {member: f"{host}:{PORT}" for member, host in hosts.items()}
    variables = [{"name": "TF_CONFIG", "value": tf_config(addresses, me)}]
    # A worker whose peer is not there hangs in TensorFlow and ignores SIGTERM: the agents find each other first.
    peers = [f"{host}:{wire.AGENT_PORT}" for member, host in hosts.items() if member != me]
    if peers:
        variables.append({"name": wire.ENV_AWAIT, "value": ",".join(peers)})
    if me[0] == wire.ROLE_PARAMETER_SERVER:
        variables += serving(hosts)
    return tuple(variables)


def serving(hosts: Mapping[Task, str]) -> list[KubeObject]:
    """What a parameter server's agent is told: whose measured part is its own, and after whom it may go."""
    workers = [f"{host}:{wire.AGENT_PORT}" for (role, _), host in hosts.items() if role == wire.ROLE_WORKER]
    return [pod.follow(f"{hosts[LEADER]}:{wire.AGENT_PORT}"), {"name": wire.ENV_SERVES, "value": ",".join(workers)}]


def _workload(attempt: Attempt) -> TensorFlowWorkload:
    workload = attempt.benchmark.spec.workload.tensorflow
    assert workload is not None  # the table in gang.py
    return workload
