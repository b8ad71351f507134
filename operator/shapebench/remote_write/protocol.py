"""What an endpoint's answer means, as remote write 1.0 has it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACCEPTED = range(200, 300)
TOO_MANY_REQUESTS = 429
PROXY_AUTHENTICATION = 407
ABOUT_THIS_REQUEST = frozenset({400, 413, 422})
"""Refusals of what is in a request; the next one of the same run may be taken."""
MESSAGE_CHARS = 200
LONGEST_ASKED_S = 3600.0
"""For so long an endpoint may ask to be left alone."""


class Trouble(StrEnum):
    """Why a request is to be sent again."""

    BUSY = "busy"
    SERVER = "server"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    CLUSTER = "cluster"
    """Not the endpoint: the Kubernetes API did not tell the run, or did not take note that it was sent."""
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The samples are there."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The samples will never be taken. `final`: nor will any other of that run."""

    message: str
    final: bool


@dataclass(frozen=True, slots=True)
class Again:
    """Later it may work; `after_s` is how long the endpoint asks to be left alone."""

    trouble: Trouble
    message: str
    after_s: float = 0.0


Answer = Accepted | Refused | Again


def judged(status: int, text: str, retry_after_s: float = 0.0) -> Answer:
    """The answer's meaning."""
    if status in ACCEPTED:
        return Accepted()
    said = " ".join(text.split())[:MESSAGE_CHARS]
    message = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    asked_s = min(retry_after_s, LONGEST_ASKED_S)
    if status == TOO_MANY_REQUESTS:
        return Again(Trouble.BUSY, message, asked_s)
    if status == PROXY_AUTHENTICATION:  # no word of the endpoint's
        return Again(Trouble.UNREACHABLE, f"{message}. Check the user and the password in HTTP_PROXY")
    if 400 <= status < 500:
        return Refused(message + advice(status, said), final=status not in ABOUT_THIS_REQUEST)
    return Again(Trouble.SERVER, message, asked_s)


def advice(status: int, said: str) -> str:
    """What to do about a refusal."""
    told = said.lower()
    if any(words in told for words in ("out of order", "out of bounds", "out-of-order", "too old")):
        return ". Set storage.tsdb.out_of_order_time_window in Prometheus to more than a Benchmark lasts, such as 7d"
    return {
        401: ". Check remoteWrite.basicAuthSecret or remoteWrite.bearerTokenSecret",
        403: ". Check remoteWrite.basicAuthSecret or remoteWrite.bearerTokenSecret",
        404: ". Check remoteWrite.url: Prometheus takes remote writes at /api/v1/write, if started with "
             "--web.enable-remote-write-receiver",
        405: ". Check remoteWrite.url",
    }.get(status, "")
