"""The upkeep of the tables, on a thread of its own: at the start and hourly."""

import random
from threading import Event, Thread

from hourhand.transport import Transport
from hourhand.upkeep import HOUR, keep_up
from hourhand_worker.journal import Journal


class Upkeep:
    def __init__(self, transport: Transport, retention_days: int, journal: Journal) -> None:
        self._transport = transport
        self._retention_days = retention_days
        self._journal = journal
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="hourhand-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                keep_up(self._transport, self._retention_days)
            except Exception as error:  # noqa: BLE001
                self._journal.trouble("The hourly upkeep failed; it is tried again in an hour", error)
            # Workers that were started together come apart.
            self._stopping.wait(HOUR * random.uniform(0.9, 1.1))  # noqa: S311
