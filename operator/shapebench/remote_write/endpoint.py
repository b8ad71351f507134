"""One remote write request over HTTP: with credentials, a timeout, and an answer that says what became of it."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import urllib3
import urllib3.exceptions

from shapebench import __version__
from shapebench.remote_write import message
from shapebench.remote_write.protocol import Again, Answer, Trouble, judged

ANSWER_BYTES = 4096
"""As much of an answer as is read: it is a sentence."""


@dataclass(frozen=True)
class Target:
    """Where to send, and as whom. `credentials`: a folder with `token`, or `username` and `password`, read anew for
    each request, since a mounted secret changes. `ca_file`: certificates to trust instead of the system's."""

    url: str
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Path | None = None
    ca_file: Path | None = None


class Endpoint:
    """Sends requests to one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=1, retries=False, timeout=urllib3.Timeout(total=target.timeout_s),
            ca_certs=str(target.ca_file) if target.ca_file else None)

    def post(self, body: bytes) -> Answer:
        """Send one request. Never raises for what the endpoint or the network does."""
        try:
            headers = {**self._target.headers, **message.HEADERS, "User-Agent": f"shapebench/{__version__}",
                       **authorization(self._target.credentials)}
            response = self._pool.request("POST", self._target.url, body=body, headers=headers, redirect=False,
                                          preload_content=False)
            try:
                text = response.read(ANSWER_BYTES).decode(errors="replace")
            finally:
                response.close()
        except urllib3.exceptions.NewConnectionError as error:  # a kind of timeout, to urllib3
            return Again(Trouble.UNREACHABLE, _words(error))
        except urllib3.exceptions.TimeoutError as error:
            return Again(Trouble.TIMEOUT, f"no answer within {self._target.timeout_s:g} s: {_words(error)}")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Again(Trouble.UNREACHABLE, _words(error))
        if 300 <= response.status < 400:
            text = f"it points to {response.headers.get('Location', 'nowhere')}: set remoteWrite.url to that"
        return judged(response.status, text, seconds(response.headers.get("Retry-After"), time.time()))


def authorization(credentials: Path | None) -> dict[str, str]:
    """The header for the credentials in this folder. Raises OSError when they are not there."""
    if credentials is None:
        return {}
    token = credentials / "token"
    if token.exists():
        return {"Authorization": f"Bearer {token.read_text().strip()}"}
    pair = ":".join((credentials / name).read_text().strip() for name in ("username", "password"))
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def seconds(retry_after: str | None, now_s: float) -> float:
    """A Retry-After header in seconds: it has a number or a date."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_s)


def _words(error: Exception) -> str:
    """The error without the object that it names first."""
    return str(error).rpartition("): ")[2] or type(error).__name__
