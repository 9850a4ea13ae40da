"""Watches running attempts and those that should run, on a thread of its own, which no task can block."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

from hourhand import log
from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.executor import Executor
from hourhand_worker.holdings import Holdings

LOOK_EVERY = 0.25
GRACE = {"thread": 0.0, "async": 5.0, "process": 20.0}
"""Seconds from the timeout to the moment from which nothing more is expected of an attempt, by isolation. An
async task is interrupted and may clean up; a process is ended long before, unless the system can't do it."""

SILENCE = 5.0
"""Seconds after which an event loop that does not answer counts as blocked."""


class Watchdog:
    """`expired` is called when the end of an attempt that is out of time has to be decided, `blocked` when a
    task has begun to keep the event loop from all others, with the seconds.
    """

    def __init__(
        self,
        holdings: Holdings,
        executor: Executor,
        expired: Callable[[Attempt], None],
        blocked: Callable[[float], None],
    ) -> None:
        self._holdings = holdings
        self._executor = executor
        self._expired = expired
        self._blocked = blocked
        self._said_blocked = 0.0
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
                self._judge_safely(attempt, now - attempt.started - attempt.timeout)
        self._executor.look()
        self._listen()

    def _judge_safely(self, attempt: Attempt, over: float) -> None:
        try:
            self._judge(attempt, over)
        except Exception as error:  # noqa: BLE001  (without this thread no other would ever be out of time)
            log.event("worker.trouble", "WARNING", "Watching the time of a run failed", error=error)

    def _judge(self, attempt: Attempt, over: float) -> None:
        if over < 0:
            return
        if over >= GRACE[attempt.task.isolation]:
            attempt.tell_to_stop(Stop.TIMED_OUT, "timed out")
            self._expired(attempt)
        elif attempt.tell_to_stop(Stop.TIMED_OUT, "timed out"):
            self._executor.interrupt(attempt)

    def _listen(self) -> None:
        silence = self._executor.silence
        if silence < SILENCE:
            self._said_blocked = 0.0
        elif silence >= 2 * self._said_blocked:
            self._said_blocked = silence
            self._blocked(silence)

    def _run(self) -> None:
        while not self._stopping:
            self._resting = True
            if self._holdings.open:
                self._resting = False
                self.look()
            self._bell.wait(None if self._resting else LOOK_EVERY)
            self._bell.clear()
