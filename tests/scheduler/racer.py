"""One process of the race: a real scheduler to which everything happens that can happen to one."""

import os
import random
import signal
from collections.abc import Mapping, MutableSequence
from contextlib import closing
from datetime import timedelta
from time import sleep
from typing import Any

from hourhand.errors import TransportError
from hourhand.settings import load_settings
from hourhand.transport.postgres import PostgresTransport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session
from tests.support.proxy import Proxy, proxy

FAULTS = ("killed before fire", "killed before the answer", "answer lost, call repeated")
CHANCES = (0.02, 0.02, 0.08)
"""Of each fault, at each call of `fire`."""


class Wire:
    """A transport over a bad network, in a process that may end at any call."""

    name = "wire"

    def __init__(
        self,
        transport: PostgresTransport,
        network: Proxy,
        chance: random.Random,
        counts: MutableSequence[int],
    ) -> None:
        self._transport = transport
        self._network = network
        self._chance = chance
        self._counts = counts

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        if function != "fire":
            return self._transport.call(function, params, retry=retry)
        before, after, lost = (self._happens(fault) for fault in range(len(FAULTS)))
        if before:
            os.kill(os.getpid(), signal.SIGKILL)
        if lost:
            self._network.lose_next_answer()
        answer = self._transport.call(function, params, retry=retry)
        if after:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def listen(self, *_: object) -> None:
        return None

    def close(self) -> None:
        self._transport.close()

    def _happens(self, fault: int) -> bool:
        happens = self._chance.random() < CHANCES[fault]
        self._counts[fault] += happens
        return happens


def race(url: str, seed: int, counts: MutableSequence[int]) -> None:
    """Fires whatever is due until it is killed. `counts` are of the faults that happened, in shared memory."""
    settings = load_settings(database_url=url, scheduler_poll=timedelta(seconds=1))
    with (
        proxy(url) as network,
        closing(PostgresTransport(network.url, application_name="racer")) as transport,
    ):
        wire, journal = Wire(transport, network, random.Random(seed), counts), Journal()
        session = Session(wire, journal, lease=300)
        session.open()
        scheduler = Scheduler(wire, settings, session, journal)
        while True:
            try:
                sleep(scheduler.step())
            except TransportError:
                sleep(0.05)
