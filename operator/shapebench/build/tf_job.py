"""TensorFlow through the Kubeflow training operator: one TFJob, from which that operator makes the pods, a Service for
each, and TF_CONFIG.

All workers have one template, so what differs between them (their number) comes from a label that the training operator
puts on each pod. Nothing is restarted or cleaned up there: attempts are ours, and the pods stay until their records
are read.
"""

from __future__ import annotations

from shapebench.api import keys, wire
from shapebench.build import pod, tensorflow
from shapebench.build.attempt import Attempt, KubeObject, engine_object

API_VERSION = "kubeflow.org/v1"
LABEL_REPLICA_INDEX = "training.kubeflow.org/replica-index"
"""On each pod, written by the training operator: its number within its role, from 0."""
_PORT_NAME = "tfjob-port"
_REPLICA_TYPES = {wire.ROLE_WORKER: "Worker", wire.ROLE_PARAMETER_SERVER: "PS"}


def gang(attempt: Attempt) -> tuple[KubeObject, ...]:
    """The TFJob alone."""
    members = tensorflow.members(attempt)
    counts = {role: sum(one == role for one, _ in members) for role in _REPLICA_TYPES}
    policy = {"cleanPodPolicy": "None"} | ({"suspend": True} if attempt.benchmark.spec.queue_name else {})
    return (engine_object(attempt, API_VERSION) | {"spec": {
        "runPolicy": policy,
        # Without it the job is over when its first worker is.
        "successPolicy": "AllWorkers",
        "tfReplicaSpecs": {
            _REPLICA_TYPES[role]: {"replicas": count, "restartPolicy": "Never", "template": _template(attempt, role)}
            for role, count in counts.items() if count},
    }},)


def _template(attempt: Attempt, role_name: str) -> KubeObject:
    role = pod.Role(
        role=role_name,
        index=None,
        cpu=str(attempt.run.shape.cpu),
        memory=str(attempt.run.shape.memory),
        program=tensorflow.worker_program(attempt),
        env=_environment(attempt, role_name),
        shape=attempt.run.shape,
        container=keys.CONTAINER_BY_ENGINE["TFJob"][role_name],
    )
    template = pod.engine_template(attempt, role)
    template["spec"]["containers"][0]["ports"].append({"name": _PORT_NAME, "containerPort": tensorflow.PORT})
    return template


def _environment(attempt: Attempt, role: str) -> tuple[KubeObject, ...]:
    members = tensorflow.members(attempt)
    # The training operator names each pod's Service as the pod.
    hosts = {member: f"{keys.pod_name(attempt.gang, *member)}.{attempt.namespace}.svc" for member in members}
    index = {"name": wire.ENV_INDEX,
             "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{LABEL_REPLICA_INDEX}']"}}}
    if len(members) == 1:  # to such a job the training operator gives no TF_CONFIG
        addresses = {member: f"{host}:{tensorflow.PORT}" for member, host in hosts.items()}
        return (index, {"name": "TF_CONFIG", "value": tensorflow.tf_config(addresses, members[0])})
    # Each waits for all, itself included: one template cannot leave its own pod out, and its agent listens already.
    peers = ",".join(f"{host}:{wire.AGENT_PORT}" for host in hosts.values())
    return (index, {"name": wire.ENV_AWAIT, "value": peers},
            *(tensorflow.serving(hosts) if role == wire.ROLE_PARAMETER_SERVER else ()))
