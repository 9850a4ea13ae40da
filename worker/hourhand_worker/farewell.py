"""How a worker goes: running work may end, what is done is delivered, and the rest is given back.

Whatever the database does, a worker is gone at most 15 s after the time that its running work gets, which is
what the files in `deploy/` let a supervisor wait.
"""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from time import monotonic

from hourhand import supervision
from hourhand.loop import Loop
from hourhand_worker import apart
from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.executor import Executor
from hourhand_worker.finisher import Finisher
from hourhand_worker.ground import Ground
from hourhand_worker.session import NOT_GIVEN_BACK, Heartbeat, Session
from hourhand_worker.spans import Spans
from hourhand_worker.watchdog import Watchdog

GOODBYE = 2.0
"""Seconds that the claim under way may take when the worker is told to stop."""

UNWIND = 2.0
"""Seconds that interrupted tasks get to clean up in."""

DELIVER = 4.0
"""Seconds to deliver the last results in, when running work has used up its time."""

CLOSE = 3.0
"""Seconds in which what still runs in other processes is ended, while results are delivered."""

GIVE_BACK = 3.0
"""Seconds in which runs are given back, or are left to the end of their lease."""


class Farewell:
    """`loop` is the worker's, which is told when something has ended, or when nothing is to be waited for."""

    def __init__(
        self,
        ground: Ground,
        loop: Loop,
        session: Session,
        executor: Executor,
        finisher: Finisher,
        heartbeat: Heartbeat,
        watchdog: Watchdog,
        spans: Spans,
    ) -> None:
        self._holdings = ground.holdings
        self._journal = ground.journal
        self._loop = loop
        self._session = session
        self._executor = executor
        self._finisher = finisher
        self._heartbeat = heartbeat
        self._watchdog = watchdog
        self._spans = spans
        self.unanswered: Thread | None = None
        """Where a claim is still under way: what it brings is given back there."""

    def give_back_unstarted(self) -> None:
        """What waits for a slot. Nothing is started from now on."""
        waiting = [attempt for attempt in self._executor.take_back() if self._holdings.drop(attempt)]
        self._loop.wake()
        self._release(waiting)

    def say(self, patience: float) -> None:
        """Running work may end within `patience` seconds, and be delivered."""
        returning = apart.begin(self.give_back_unstarted, "unstarted")
        self._journal.stopping(self._executor.running + self._holdings.closing, patience)
        supervision.stopping()
        self._await(lambda: not len(self._holdings) or self._loop.forced, patience)
        left = self._interrupt_all()
        closing = apart.begin(partial(self._executor.close, CLOSE), "executor")
        self._finisher.close(DELIVER)
        self._watchdog.stop()
        self._heartbeat.stop()
        apart.ends(closing, CLOSE)  # before what it still runs is given to others

        def close() -> None:
            # First what was claimed: in a session that is closed it would count as lost.
            for thread in filter(None, (self.unanswered, returning)):
                thread.join()
            self._release(left, close=True)

        if not apart.ends(apart.begin(close, "release"), GIVE_BACK):
            self._journal.trouble(f"{NOT_GIVEN_BACK}: the database does not answer")

    def _interrupt_all(self) -> list[Attempt]:
        """Those that did not end by themselves."""
        for attempt in self._holdings.undecided():
            attempt.tell_to_stop(Stop.SHUTDOWN, "the worker shuts down")
            self._executor.interrupt(attempt)
        self._await(lambda: not self._executor.running, UNWIND)
        return [attempt for attempt in self._holdings.undecided() if self._holdings.drop(attempt)]

    def _await(self, condition: Callable[[], bool], timeout: float) -> None:
        deadline = monotonic() + timeout
        while not condition() and (left := deadline - monotonic()) > 0:
            self._loop.pause(min(left, 1.0))

    def _release(self, attempts: Sequence[Attempt], *, close: bool = False) -> None:
        for attempt in attempts:
            self._spans.end(attempt, None)
        self._session.release(attempts, close=close)
