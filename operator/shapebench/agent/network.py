"""Network bytes and packets from /proc/net/dev.

A pod has a network namespace of its own: every interface but the loopback is the pod's. A process tree has no
network counters of its own; there the whole machine's interfaces are read, the loopback too, because local gangs talk
over it. That figure is then the machine's, not the program's alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapebench.agent.counters import Network, Sum
from shapebench.agent.files import KernelFile

if TYPE_CHECKING:
    from pathlib import Path

_TRANSMIT = 8
"""Column of the transmitted bytes; the received are in column 0. The packets follow each."""


class NetworkCounters:
    """All interfaces of this network namespace together."""

    def __init__(self, proc: Path, *, with_loopback: bool) -> None:
        self._file = KernelFile(proc / "net" / "dev")
        self._with_loopback = with_loopback
        self._sum = Sum(len(Network._fields))

    def read(self) -> Network:
        """Bytes and packets since the interfaces came up; all None without /proc/net/dev."""
        text = self._file.text()
        return Network() if text is None else Network(*self._sum.of(parse(text, with_loopback=self._with_loopback)))


def parse(text: str, *, with_loopback: bool) -> dict[str, tuple[int, ...]]:
    """What each interface in a /proc/net/dev tells, in the order of Network."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() == "lo" and not with_loopback:
            continue
        columns = [int(n) for n in numbers.split()]
        if len(columns) >= _TRANSMIT + 2:
            found[name.strip()] = (*columns[:2], *columns[_TRANSMIT:_TRANSMIT + 2])
    return found
