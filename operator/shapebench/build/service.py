"""The gang's headless Service: stable names for its pods from the moment they have an address."""

from __future__ import annotations

from shapebench.api import keys, wire
from shapebench.build.attempt import Attempt, KubeObject


def headless(attempt: Attempt, role: str | None = None) -> KubeObject:
    """A Service in front of the attempt's pods (of one role, if given).

    publishNotReadyAddresses: peers look each other up before any of them is ready.
    """
    selector = {keys.LABEL_RUN: attempt.run.name, keys.LABEL_ATTEMPT: str(attempt.number)}
    if role is not None:
        selector[keys.LABEL_ROLE] = role
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": attempt.metadata(attempt.gang),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector,
            "ports": [{"name": "agent", "port": wire.AGENT_PORT, "targetPort": wire.AGENT_PORT}],
        },
    }
