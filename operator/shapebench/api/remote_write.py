"""The kinds of the remote write settings, each with its words for a wrong value."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

OWN_LABELS = frozenset({"namespace", "benchmark", "run", "shape", "role", "index", "source", "block", "verdict"})
_LABEL = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")
_HEADER = re.compile(r"^[A-Za-z0-9-]+$")
_PROTOCOL_HEADERS = frozenset({"content-type", "content-encoding", "content-length", "host", "authorization",
                               "user-agent", "x-prometheus-remote-write-version"})


def _url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("write a URL such as http://prometheus.monitoring:9090/api/v1/write")
    if parts.username or parts.password:
        raise ValueError("a password does not belong in the URL: put it into a Secret, remoteWrite.basicAuthSecret")
    return url


def _pairs(value: Any) -> Any:
    """A JSON object's text as the object; what is no text stays."""
    try:
        found = json.loads(value or "{}") if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError('write a JSON object of texts, such as {"cluster": "a"}')
    return found


def _labels(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        if not value:
            raise ValueError(f"{name!r} has no value, and Prometheus takes it for absent: give it one, or leave it out")
        if not _LABEL.match(name) or name.startswith("__"):
            raise ValueError(f"{name!r} is no label's name: use letters, digits and '_', not beginning with a digit "
                             "or '__'")
        if name in OWN_LABELS or name.startswith("parameter_"):
            raise ValueError(f"{name!r} is a label that every series has from its run; choose another name")
    return labels


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.match(name) or not value.isprintable():
            raise ValueError(f"{name!r} and its value are no header: letters, digits and '-', and one line")
        if name.lower() in _PROTOCOL_HEADERS:
            raise ValueError(f"{name} is set by the protocol; credentials go into a Secret, "
                             "remoteWrite.basicAuthSecret or remoteWrite.bearerTokenSecret")
    return headers


RemoteWriteUrl = Annotated[str, AfterValidator(_url)]
"""Empty: nothing is written."""
ExtraLabels = Annotated[dict[str, str], BeforeValidator(_pairs), AfterValidator(_labels)]
ExtraHeaders = Annotated[dict[str, str], BeforeValidator(_pairs), AfterValidator(_headers)]
