"""One HTTP call to the API server: authenticated, with a timeout, repeated while that may help.

It uses the official client's transport (TLS, tokens and their renewal, connection pool) with paths and plain JSON:
its model classes cost several times the CPU and memory of the dictionaries that the planner reads anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3.exceptions
from kubernetes.client.api_client import ApiClient
from kubernetes.client.exceptions import ApiException

from shapebench.kube import errors, retry

TRANSIENT_STATUS = frozenset({401, 408, 429, 500, 502, 503, 504})
"""Worth repeating. 401 is here because a service account's token may just have been replaced."""

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 20.0
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True)
class Request:
    """What to ask. Every request here may be repeated: objects have names, patches say the whole value."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    read_timeout_s: float = READ_TIMEOUT_S

    @property
    def words(self) -> str:
        """The request as a person says it: `create pods in default`, `get /version`."""
        verb = {"POST": "create", "GET": "get", "DELETE": "delete", "PATCH": "patch"}[self.method]
        parts = self.path.split("/namespaces/", 1)
        if len(parts) == 1 or "/" not in parts[1]:
            return f"{verb} {self.path}"
        namespace, what = parts[1].split("/", 1)
        return f"{verb} {what} in namespace {namespace}"


class RefusedError(Exception):
    """The API server's answer when it is not a success: the HTTP status and the Status object's texts."""

    def __init__(self, request: Request, status: int, body: bytes, retry_after_s: float | None = None) -> None:
        answer = _status_object(body)
        self.request = request
        self.status = status
        self.reason = str(answer.get("reason", ""))
        self.message = str(answer.get("message", "")) or body[:500].decode(errors="replace")
        self.retry_after_s = retry_after_s
        causes = (answer.get("details") or {}).get("causes") or ()
        self.causes = frozenset(str(cause.get("reason", "")) for cause in causes)
        super().__init__(f"cannot {request.words}: {self.message or f'HTTP {status}'}")


class Transport:
    """Sends requests through one client; safe to share between threads."""

    def __init__(self, client: ApiClient, waits: retry.Retry | None = None) -> None:
        self._client = client
        self.waits = waits or retry.Retry()

    def parsed(self, request: Request, waits: retry.Retry | None = None) -> dict[str, Any]:
        """The answer, parsed. Raises RefusedError, or UnavailableError after the retries."""
        answer = json.loads(self.raw(request, waits))
        return answer if isinstance(answer, dict) else {}

    def found(self, path: str) -> dict[str, Any] | None:
        """What is at this path; None where nothing is. Raises `shapebench.kube.errors.KubeError`."""
        try:
            return self.parsed(Request("GET", path))
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise explained(refused) from refused

    def raw(self, request: Request, waits: retry.Retry | None = None) -> bytes:
        """The answer's bytes. Raises RefusedError, or UnavailableError after the retries."""
        policy = waits or self.waits
        pauses = iter(policy)
        while True:
            try:
                return self._once(request)
            except RefusedError as refused:
                if refused.status not in TRANSIENT_STATUS:
                    raise
                problem: Exception = refused
            except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
                problem = error
            pause = next(pauses, None)
            if pause is None:
                if isinstance(problem, RefusedError):
                    raise problem
                raise errors.UnavailableError(f"cannot {request.words}: {problem}") from problem
            asked = problem.retry_after_s if isinstance(problem, RefusedError) else None
            policy.sleep(max(pause, min(asked or 0.0, policy.longest_s)))

    def _once(self, request: Request) -> bytes:
        headers = {"Accept": request.accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        method, url, headers, _, _ = self._client.param_serialize(
            request.method, request.path, query_params=list(request.query.items()), header_params=headers,
            auth_settings=["BearerToken"])
        response = self._client.call_api(method, url, headers, body=request.body,
                                         _request_timeout=(CONNECT_TIMEOUT_S, request.read_timeout_s))
        answer = bytes(response.read())
        if 200 <= response.status <= 299:
            return answer
        raise RefusedError(request, response.status, answer, _seconds(response.getheader("Retry-After")))


def explained(refused: RefusedError) -> errors.KubeError:
    """The refusal as the error that says what to do about it."""
    text = str(refused)
    if "NamespaceTerminating" in refused.causes or (refused.status == 404 and refused.request.method == "POST"):
        return errors.GoneError(text)
    if refused.status == 403:
        return errors.ForbiddenError(text)
    if refused.status in (400, 413, 422):
        return errors.InvalidError(text)
    return errors.UnavailableError(text)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


def _status_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
