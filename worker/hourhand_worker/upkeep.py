"""The upkeep of the tables and the watch for alerts, on a thread of its own."""

import random
from threading import Event, Thread
from time import monotonic

from hourhand.alerts.watch import PAUSE, Watch
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand.upkeep import HOUR, keep_up
from hourhand_worker.journal import Journal


class Upkeep:
    """Cleans at the start and hourly, watches each minute: also for schedulers that have fallen silent."""

    def __init__(self, transport: Transport, settings: Settings, journal: Journal) -> None:
        self._transport = transport
        self._retention_days = settings.retention_days
        self._watch = Watch(transport, settings)
        self._journal = journal
        self._next_cleaning = monotonic()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="hourhand-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if monotonic() >= self._next_cleaning:
                # Workers that were started together come apart.
                self._next_cleaning = monotonic() + HOUR * random.uniform(0.9, 1.1)  # noqa: S311
                self._clean()
            self._stopping.wait(self._look())

    def _clean(self) -> None:
        try:
            keep_up(self._transport, self._retention_days)
        except Exception as error:  # noqa: BLE001
            self._failed("The hourly upkeep failed; it is tried again in an hour", error)

    def _look(self) -> float:
        """Seconds until the next one."""
        try:
            return self._watch.step()
        except Exception as error:  # noqa: BLE001
            self._failed("The watch for alerts failed; it is tried again in a minute", error)
            return PAUSE

    def _failed(self, what: str, error: Exception) -> None:
        if not self._stopping.is_set():  # else its connection was closed
            self._journal.trouble(what, error)
