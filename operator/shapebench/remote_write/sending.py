"""Sending one run: request after request until it is done, the endpoint refuses, or it has to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shapebench.remote_write import message
from shapebench.remote_write.protocol import Accepted, Again, Answer, Refused
from shapebench.remote_write.series import TimeSeries


@dataclass(frozen=True, slots=True)
class Sent:
    """How far it came. `requests` of the run's are behind us, those of earlier tries included; `again`: it is not over.

    The samples are those of this try. `refused` is what the endpoint first said against some of them.
    """

    requests: int
    samples: int = 0
    dropped: int = 0
    refused: str = ""
    again: Again | None = None


def send(series: Iterable[TimeSeries], post: Callable[[bytes], Answer], already: int = 0,
         most_samples: int = message.MOST_SAMPLES) -> Sent:
    """Send the series but for the first `already` requests, which earlier tries sent."""
    done = samples = dropped = 0
    refused, hopeless = "", False
    for request in message.requests(series, most_samples):
        count = sum(len(one.points) for one in request)
        if done >= already:
            answer: Answer = Refused(refused, final=True) if hopeless else post(message.encode(request))
            match answer:
                case Accepted():
                    samples += count
                case Refused():
                    dropped += count
                    refused = refused or answer.message
                    hopeless = answer.final
                case Again():
                    return Sent(done, samples, dropped, refused, again=answer)
        done += 1
    return Sent(done, samples, dropped, refused)
