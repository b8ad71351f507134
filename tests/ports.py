"""Ports of this machine for programs that are told where to listen, seconds before they do."""

from __future__ import annotations

import socket


def free(count: int) -> list[int]:
    """Nobody listens there, at any of its addresses, and the kernel gives them to no other while this process lives.

    They stay bound, which does not bother servers that may reuse an address, as nearly all may. A port that is let go
    can be any connection's by the time its program listens.
    """
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("", 0))
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.detach()  # open until the process ends
    return ports
