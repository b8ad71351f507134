"""kopf's settings, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from random import random

import kopf

from shapebench.api import keys


class Patience:
    """Pauses between kopf's attempts at a call: about 1, 2, 4 … 30 s, jittered, for some ten minutes in all.

    kopf iterates it anew for each call. Its own default gives up after a minute, and a restarted operator then waits
    longer in the kubelet's back-off than an API server's upgrade takes. No end at all would keep alive an operator
    that may not watch.
    """

    def __iter__(self) -> Iterator[float]:
        for attempt in range(25):
            yield min(2.0 ** attempt, 30.0) * (0.5 + random() / 2)


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
    settings.networking.error_backoffs = Patience()
    settings.watching.chunk_size = 500
    ours = keys.LABEL_BENCHMARK
    settings.watching.label_selectors["", "v1", "pods"] = ours
    settings.execution.max_workers = 4  # the handlers only enqueue
    settings.process.ultimate_exiting_timeout = 20  # before the kubelet's 30
