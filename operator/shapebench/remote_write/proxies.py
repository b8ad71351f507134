"""The proxy of a URL, as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY have it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def chosen(url: str, proxies: Mapping[str, str]) -> str:
    """The URL of the proxy to go through; empty: none.

    `proxies`, as `urllib.request.getproxies` finds them: by the URL's scheme, or for "all"; and in "no" the hosts,
    domains, addresses and networks that need none, or "*".
    """
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    exempt = [one.strip().lower() for one in proxies.get("no", "").split(",")]
    if not proxy or any(one and _is_of(parts.hostname or "", parts.port, one) for one in exempt):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_of(host: str, port: int | None, exempt: str) -> bool:
    """Whether the host is what this part of NO_PROXY says. The standard library's own answer knows no networks, and
    those are what a cluster is told by."""
    if exempt == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(exempt, strict=False)
    except ValueError:
        name = exempt.lstrip(".")
        return any(told == name or told.endswith(f".{name}") for told in (host, f"{host}:{port}"))
