"""A place like a pod's without Kubernetes: a control group of its own, and a network namespace with one interface.

Made as a container runtime makes them, where this user may; what a place can't have is said by `missing`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
V1_CONTROLLERS = ("cpu", "cpuacct", "memory", "blkio")
FRAME_BYTES = 14 + 20 + 8
"""Ethernet, IP and UDP: what a datagram is on the interface besides its payload."""


@dataclass(frozen=True)
class Place:
    """`prefix` starts a command in it; `outside` is its other end's address, empty without a network of its own.

    `memory_group` is where its memory is accounted, None without a group.
    """

    prefix: tuple[str, ...]
    cgroup_root: Path
    memory_group: Path | None = None
    outside: str = ""


def missing(version: str | None, *, network: bool) -> str:
    """Why there can be no such place here; empty where there can. `version` is v1, v2 or None for no group."""
    if os.geteuid() != 0:
        return "only root may make control groups and network namespaces"
    if version is not None and not all(os.access(mount, os.W_OK) for mount in _mounts(version)):
        return f"no writable cgroup {version} here"
    if network and any(shutil.which(tool) is None for tool in ("ip", "nsenter")):
        return "no ip and nsenter here"
    return ""


@contextmanager
def place(version: str | None, *, network: bool = False, limit_cores: float | None = None,
          period_us: int = 100_000, limit_bytes: int | None = None) -> Iterator[Place]:
    """Make one; it goes when all of its processes have. The limits are for v1."""
    with ExitStack() as stack:
        groups = [stack.enter_context(_group(mount)) for mount in _mounts(version)]
        by_controller = {group.parent.name: group for group in groups}
        if limit_cores is not None:
            (by_controller["cpu"] / "cpu.cfs_period_us").write_text(str(period_us))
            (by_controller["cpu"] / "cpu.cfs_quota_us").write_text(str(int(limit_cores * period_us)))
        if limit_bytes is not None:
            (by_controller["memory"] / "memory.limit_in_bytes").write_text(str(limit_bytes))
        joins = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
        prefix: tuple[str, ...] = ("sh", "-c", f'{joins}exec "$@"', "sh")
        outside = ""
        if network:
            name, outside = stack.enter_context(_namespace())
            prefix = ("nsenter", f"--net=/run/netns/{name}", *prefix)
        memory_group = by_controller["memory"] if version == "v1" else groups[0] if groups else None
        yield Place(prefix, CGROUP if version == "v1" else v2_mount(), memory_group, outside)


def v2_mount() -> Path:
    """Where the unified hierarchy is: alone, or beside the first version's."""
    return CGROUP if (CGROUP / "cgroup.controllers").exists() else CGROUP / "unified"


def _mounts(version: str | None) -> Sequence[Path]:
    if version is None:
        return ()
    return [CGROUP / name for name in V1_CONTROLLERS] if version == "v1" else [v2_mount()]


@contextmanager
def _group(mount: Path) -> Iterator[Path]:
    group = mount / f"shapebench-{os.getpid()}-{time.monotonic_ns()}"
    group.mkdir()
    try:
        yield group
    finally:
        for _ in range(200):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.02)


@contextmanager
def _namespace() -> Iterator[tuple[str, str]]:
    """A namespace with one interface, and the address of that interface's other end."""
    name = f"sb{os.getpid() % 100_000}{time.monotonic_ns() % 1000}"
    net = f"10.{200 + os.getpid() % 50}.{time.monotonic_ns() % 250}"
    _ip("netns", "add", name)
    try:
        # IPv6 would announce itself there with packets of its own.
        _ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1")
        _ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("addr", "add", f"{net}.1/30", "dev", f"v{name}")
        _ip("link", "set", f"v{name}", "up")
        _ip("-n", name, "addr", "add", f"{net}.2/30", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        yield name, f"{net}.1"
    finally:
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True)


@contextmanager
def echo(address: str) -> Iterator[int]:
    """The port of a server that sends every datagram back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))
        server.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    data, sender = server.recvfrom(65536)
                    server.sendto(data, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()
