"""Waits until all peers of the gang are there: their names resolve and their agents accept a connection.

It must happen before the program starts: a TensorFlow worker whose peer never comes ignores SIGTERM and stays for
ever. The peer's agent listens before it does anything else. Whoever finds it says so on the same connection and waits
for no answer: that is how an agent knows that nobody looks for it any more, and whom it can find itself.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapebench.agent.settings import Peer

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 1.0
_CONNECT_TIMEOUT_S = 2.0
_PROBES_APART_S = 0.005
"""Between two looks at all that are missing pass so many seconds for each of them, however hurried: in a large gang
each that comes hurries all that wait. The last one is found at once all the same."""

FOUND_PATH = "/found"


def finds(peer: Peer, name: str) -> bool:
    """Whether this peer accepts a connection now; if so, it is told who has found it."""
    try:
        with socket.create_connection(peer, timeout=_CONNECT_TIMEOUT_S) as connection:
            connection.sendall(f"GET {FOUND_PATH}?{name} HTTP/1.1\r\nHost: {peer[0]}\r\n\r\n".encode())
    except OSError:
        return False
    return True


class Finders:
    """Who has found this agent, and so needs it no more. `came` is called in the server's thread for each."""

    def __init__(self, expected: int, came: Callable[[], None]) -> None:
        self._expected = expected
        self._came = came
        self._names: set[str] = set()

    @property
    def complete(self) -> bool:
        """Whether all have."""
        return len(self._names) >= self._expected

    def note(self, connection: socket.socket, name: str) -> None:
        """This one has; one that says it again, because it could not know that it was heard, counts once."""
        connection.close()
        if not self.complete:
            self._names.add(name)
            self._came()


class Rendezvous:
    """Probes the peers in a thread, because a name server's silence can't be interrupted and a signal must be heard.

    `done` is called in that thread, once. `missing` are the peers that did not answer yet.
    """

    def __init__(self, peers: tuple[Peer, ...], timeout_s: float, clock: Callable[[], float],
                 done: Callable[[], None], probe: Callable[[Peer], bool]) -> None:
        self.missing = peers
        self._clock = clock
        self._timeout_s = timeout_s
        self._done = done
        self._probe = probe
        self._stopped = False
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rendezvous", daemon=True)

    def start(self) -> None:
        """Begin to probe."""
        self._thread.start()

    def stop(self) -> None:
        """Give up; the thread ends by itself after its present probe."""
        self._stopped = True
        self._hurried.set()

    def hurry(self) -> None:
        """Probe soon, with few missing at once: somebody has come. From any thread, at any time."""
        self._hurried.set()

    @property
    def running(self) -> bool:
        """Whether it still waits for somebody."""
        return bool(self.missing) and not self._stopped

    def _run(self) -> None:
        deadline, pause_s = self._clock() + self._timeout_s, _FIRST_PAUSE_S
        while not self._stopped:
            self._hurried.clear()  # before the probes: who comes during them may be one that was probed already
            self.missing = tuple(peer for peer in self.missing if not self._probe(peer))
            left_s = deadline - self._clock()
            if not self.missing or left_s <= 0:
                break
            wait_s = min(pause_s, left_s)
            rest_s = min(wait_s, _PROBES_APART_S * len(self.missing))
            time.sleep(rest_s)
            if not self._hurried.wait(wait_s - rest_s):
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)
        self._stopped = True
        self._done()


def names(peers: tuple[Peer, ...]) -> str:
    """The peers as a person reads them."""
    return ", ".join(f"{host}:{port}" for host, port in peers)
