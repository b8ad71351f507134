"""kopf's settings, each with its reason."""

from __future__ import annotations

import kopf

from shapebench.api import keys
from shapebench.kube.retry import Retry

PATIENCE = Retry(first_s=1.0, longest_s=30.0, total_s=600.0)
"""Between kopf's attempts at a call. Its own default gives up after a minute, and a restarted operator then waits
longer in the kubelet's back-off than an API server's upgrade takes. No end at all would keep alive an operator that may
not watch."""


def configure(settings: kopf.OperatorSettings) -> None:
    """Set what differs from kopf's defaults."""
    # Nothing of kopf's is written on our objects: only events are watched. Should that change, then under our name.
    settings.persistence.finalizer = f"{keys.GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=keys.GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=keys.GROUP, key="last-handled")
    settings.posting.enabled = False  # events come from decisions, not from log lines
    settings.peering.standalone = True  # the Deployment is what keeps it to one
    # The CRDs are there before the operator starts, and namespaces are named: no need to watch all CRDs of a cluster.
    settings.scanning.disabled = True
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = PATIENCE
    settings.watching.chunk_size = 500
    ours = keys.LABEL_BENCHMARK
    settings.watching.label_selectors["", "v1", "pods"] = ours
    settings.execution.max_workers = 4  # the handlers only enqueue
    settings.process.ultimate_exiting_timeout = 20  # before the kubelet's 30
