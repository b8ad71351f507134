"""One remote write request over HTTP: with credentials, a bound on its time, and what became of it."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import urllib3
import urllib3.exceptions

from shapebench import __version__
from shapebench.remote_write import message, proxies
from shapebench.remote_write.cutting import Deadline
from shapebench.remote_write.protocol import Again, Answer, Trouble, judged

ANSWER_BYTES = 4096
"""As much of an answer as is read: it is a sentence."""
NO_URL = ("it is no URL of one: percent-encode # / ? @ : % in its user and password, which may have nothing beyond "
          "Latin-1")
"""Fixed words, since those of the error quote what may be a part of the password."""


@dataclass(frozen=True)
class Target:
    """Where to send, and as whom. `credentials`: a folder with `token`, or `username` and `password`, read anew for
    each request, since a mounted secret changes. `ca_file`: certificates to trust instead of the system's.
    `proxies`: as for `shapebench.remote_write.proxies.chosen`."""

    url: str
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Path | None = None
    ca_file: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)


class Endpoint:
    """Sends requests to one target, one at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def post(self, body: bytes) -> Answer:
        """Send one request. Never raises for what the endpoint, the network or a proxy does."""
        try:
            deadline = self._deadline
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            why = error if isinstance(error, urllib3.exceptions.ProxySchemeUnknown) else NO_URL
            return Again(Trouble.UNREACHABLE, f"the proxy of HTTP_PROXY or HTTPS_PROXY cannot be used: {why}")
        late = Again(Trouble.TIMEOUT, f"no whole answer within {self._target.timeout_s:g} s")
        try:
            with deadline.after(self._target.timeout_s):
                response, text = self._asked(body)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return late if deadline.passed else self._failed(error)
        if deadline.passed:  # the end of the line may look like the end of the answer
            return late
        if 300 <= response.status < 400:
            text = f"it points to {response.headers.get('Location', 'nowhere')}: set remoteWrite.url to that"
        return judged(response.status, text, seconds(response.headers.get("Retry-After"), time.time()))

    def _asked(self, body: bytes) -> tuple[urllib3.BaseHTTPResponse, str]:
        headers = {**self._target.headers, **message.HEADERS, "User-Agent": f"shapebench/{__version__}",
                   **authorization(self._target.credentials)}
        response = self._pool.request("POST", self._target.url, body=body, headers=headers, redirect=False,
                                      preload_content=False)
        try:
            return response, response.read(ANSWER_BYTES).decode(errors="replace")
        finally:
            response.close()

    def _failed(self, error: Exception) -> Again:
        if isinstance(error, urllib3.exceptions.ProxyError):
            return Again(Trouble.UNREACHABLE, f"the proxy: {_words(error.original_error)}")
        if isinstance(error, urllib3.exceptions.NewConnectionError):  # a kind of timeout, to urllib3
            return Again(Trouble.UNREACHABLE, _words(error))
        if not isinstance(error, urllib3.exceptions.HTTPError | OSError):  # its words would quote a password
            return Again(Trouble.UNREACHABLE, "a header or a credential has characters that HTTP does not take: check "
                                              "remoteWrite.headers, basicAuthSecret and bearerTokenSecret")
        if isinstance(error, urllib3.exceptions.TimeoutError):
            return Again(Trouble.TIMEOUT, f"no answer within {self._target.timeout_s:g} s: {_words(error)}")
        return Again(Trouble.UNREACHABLE, _words(error))

    @cached_property
    def _deadline(self) -> Deadline:
        return Deadline(self._pool)

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        """Made when it is first needed: a proxy that cannot be used is then a failure to send, which is told."""
        target = self._target
        timeout = urllib3.Timeout(total=target.timeout_s)
        ca_certs = str(target.ca_file) if target.ca_file else None
        proxy = proxies.chosen(target.url, target.proxies)
        if not proxy:
            return urllib3.PoolManager(num_pools=1, maxsize=1, retries=False, timeout=timeout, ca_certs=ca_certs)
        who = unquote(urllib3.util.parse_url(proxy).auth or "")
        return urllib3.ProxyManager(
            proxy, num_pools=1, maxsize=1, retries=False, timeout=timeout, ca_certs=ca_certs,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=who) if who else None)


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
