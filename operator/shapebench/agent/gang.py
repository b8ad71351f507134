"""What this agent has to do with the others of its gang, from looking for them to leaving them.

Nobody starts a program before all are there, and nobody leaves before all others have found it: a peer that has not
would wait in vain. Most are found within milliseconds, since whoever comes last looks for all, and each that it finds
looks for it at once.
"""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from shapebench.agent import rendezvous
from shapebench.agent.follower import Follower
from shapebench.agent.rendezvous import Finders, Rendezvous
from shapebench.agent.served import Served

if TYPE_CHECKING:
    from shapebench.agent.marks import Mark
    from shapebench.agent.settings import Peer, Settings
    from shapebench.agent.wakeups import Wakeups

PEERS_MAY_BE_LATE_S = 5.0
"""Peers look for each other once a second at least; that and a slow name server's answer fit in here. Who has not come
by then, counted from the program's start, was most likely killed."""
_STOPS = (signal.SIGTERM, signal.SIGINT)


class GatheringError(Exception):
    """The gang did not come together. `signal` is the one that ended the wait, if one did."""

    def __init__(self, message: str, number: signal.Signals | None = None) -> None:
        super().__init__(message)
        self.signal = number


class Gang:
    """The other agents. `wakeups` is how they wake the main thread, in which all methods are called."""

    def __init__(self, settings: Settings, clock: Callable[[], float], wakeups: Wakeups) -> None:
        self._settings = settings
        self._clock = clock
        self._wakeups = wakeups
        self._name = f"{settings.role}-{settings.pod_index}"
        self._finders = Finders(len(settings.peers), self._somebody_came)
        self._meeting = Rendezvous(settings.peers, settings.await_timeout_s, clock, wakeups.poke, self._finds)
        self._follower = None if settings.leader is None else Follower(settings.leader, clock, wakeups.poke,
                                                                       self._meeting.hurry)
        self._served = Served(settings.served, wakeups.poke, self._meeting.hurry) if settings.served else None

    @property
    def streams(self) -> dict[str, Callable[[socket.socket, str], None]]:
        """For this agent's server."""
        return {rendezvous.FOUND_PATH: self._finders.note}

    @property
    def served_out(self) -> bool:
        """Whether this pod's program serves others', and all of those have ended."""
        return self._served is not None and self._served.over

    def start(self) -> None:
        """Begin to listen to the others."""
        for one in (self._follower, self._served):
            if one is not None:
                one.start()

    def gather(self) -> None:
        """Wait until all are there; raises GatheringError if one never comes, or SIGTERM does."""
        if self._settings.peers:
            self._meeting.start()
        while self._settings.peers and self._meeting.running:
            select.select([self._wakeups], [], [])
            for number in self._wakeups.signals():
                if number in _STOPS:
                    self._meeting.stop()
                    waited = rendezvous.names(self._meeting.missing)
                    raise GatheringError(f"stopped by {number.name} while waiting for {waited}", number)
        if self._meeting.missing:
            raise GatheringError(f"gave up after {self._settings.await_timeout_s:g} s: no connection to "
                                 f"{rendezvous.names(self._meeting.missing)}")
        if self._served is not None:
            self._served.meet(PEERS_MAY_BE_LATE_S)

    def marks(self) -> list[Mark]:
        """What the leader told since the last call."""
        return self._follower.marks() if self._follower is not None else []

    def stay(self, program_started_s: float) -> None:
        """Until all others have found this agent: one that is late would wait in vain for a very short program's."""
        until_s = program_started_s + PEERS_MAY_BE_LATE_S
        while not self._finders.complete and (left_s := until_s - self._clock()) > 0:
            select.select([self._wakeups], [], [], left_s)
            if any(number in _STOPS for number in self._wakeups.signals()):
                return

    def _finds(self, peer: Peer) -> bool:
        """Whether this peer is there. It may go when it knows that: so not before it tells us what it has to tell."""
        if self._served is not None and peer in self._settings.served and not self._served.knows(peer):
            return False
        if self._follower is not None and peer == self._settings.leader and not self._follower.connected:
            return False
        return rendezvous.finds(peer, self._name)

    def _somebody_came(self) -> None:
        self._meeting.hurry()
        self._wakeups.poke()
