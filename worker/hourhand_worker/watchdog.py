"""Watches the time of running attempts, on a thread of its own, which no task can block."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.holdings import Holdings

LOOK_EVERY = 0.25
GRACE = 5.0
"""Seconds that an async task which was interrupted gets to clean up."""


class Watchdog:
    """`interrupt` is called when an attempt's time is over, `expired` when its end has to be decided."""

    def __init__(
        self, holdings: Holdings, interrupt: Callable[[Attempt], None], expired: Callable[[Attempt], None]
    ) -> None:
        self._holdings = holdings
        self._interrupt = interrupt
        self._expired = expired
        self._bell = Event()
        self._resting = False
        self._stopping = False
        self._thread = Thread(target=self._run, name="hourhand-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def holding(self) -> None:
        """Something is held now."""
        if self._resting:
            self._bell.set()

    def stop(self) -> None:
        self._stopping = True
        self._bell.set()
        self._thread.join(1.0)

    def look(self) -> None:
        """One look at all that is held."""
        now = monotonic()
        for attempt in self._holdings.undecided():
            if attempt.started and attempt.timeout is not None:
                self._judge(attempt, now - attempt.started - attempt.timeout)

    def _judge(self, attempt: Attempt, over: float) -> None:
        if over < 0:
            return
        interruptible = attempt.task.isolation == "async"
        if attempt.stop is not Stop.TIMED_OUT and interruptible and over < GRACE:
            attempt.tell_to_stop(Stop.TIMED_OUT, "timed out")
            self._interrupt(attempt)
        elif not interruptible or over >= GRACE:
            attempt.tell_to_stop(Stop.TIMED_OUT, "timed out")
            self._expired(attempt)

    def _run(self) -> None:
        while not self._stopping:
            self._resting = True
            if self._holdings.open:
                self._resting = False
                self.look()
            self._bell.wait(None if self._resting else LOOK_EVERY)
            self._bell.clear()
