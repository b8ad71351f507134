"""Waits until all peers of the gang are there: their names resolve and their agents accept a connection.

It must happen before the program starts: a TensorFlow worker whose peer never comes ignores SIGTERM and stays for
ever. Only a connection is made, no byte is sent; the peer's agent listens before it does anything else.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapebench.agent.settings import Peer

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 1.0
_CONNECT_TIMEOUT_S = 2.0


def accepts(peer: Peer) -> bool:
    """Whether this peer accepts a connection now."""
    try:
        socket.create_connection(peer, timeout=_CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


class Rendezvous:
    """Probes the peers in a thread, because a name server's silence can't be interrupted and a signal must be heard.

    `done` is called in that thread, once. `missing` are the peers that did not answer yet.
    """

    def __init__(self, peers: tuple[Peer, ...], timeout_s: float, clock: Callable[[], float],
                 done: Callable[[], None], probe: Callable[[Peer], bool] = accepts) -> None:
        self.missing = peers
        self._clock = clock
        self._timeout_s = timeout_s
        self._done = done
        self._probe = probe
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rendezvous", daemon=True)

    def start(self) -> None:
        """Begin to probe."""
        self._thread.start()

    def stop(self) -> None:
        """Give up; the thread ends by itself after its present probe."""
        self._stopped.set()

    @property
    def running(self) -> bool:
        """Whether it still waits for somebody."""
        return bool(self.missing) and not self._stopped.is_set()

    def _run(self) -> None:
        deadline, pause_s = self._clock() + self._timeout_s, _FIRST_PAUSE_S
        while not self._stopped.is_set():
            self.missing = tuple(peer for peer in self.missing if not self._probe(peer))
            left_s = deadline - self._clock()
            if not self.missing or left_s <= 0:
                break
            self._stopped.wait(min(pause_s, left_s))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)
        self._stopped.set()
        self._done()


def names(peers: tuple[Peer, ...]) -> str:
    """The peers as a person reads them."""
    return ", ".join(f"{host}:{port}" for host, port in peers)
