"""The session of this process: one row in `services`, whose lease is the lease of all its runs."""

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from importlib.metadata import version
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

from hourhand.errors import HourhandError
from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.ground import Ground

GRACE = 10.0
"""Seconds for results that are done to arrive before their lost session is given up."""

NOT_GIVEN_BACK = "Runs could not be given back; their lease will end"

HEARTBEAT = "the heartbeat"

SHORTEST_PAUSE = 0.5
"""Seconds between two beats of a worker that polls more often."""

Told = Callable[[Attempt, Stop, str], None]


class Session:
    """`told` hears that an attempt has to stop: cancelled by someone, or no longer ours; `renewed` that the
    lease of a session begins anew; `rescued` that there are runs to claim again.

    A lease that has ended can't be renewed: what the session held belongs to others, and a new one is opened.
    """

    def __init__(
        self,
        ground: Ground,
        *,
        kind: str,
        name: str,
        lease: float,
        tasks: list[dict[str, Any]],
        told: Told,
        renewed: Callable[[str], None],
        rescued: Callable[[], None],
    ) -> None:
        self._transport = ground.transport
        self._holdings = ground.holdings
        self._clock = ground.clock
        self._journal = ground.journal
        self._kind = kind
        self._name = name
        self._lease = lease
        self._tasks = tasks
        self._told = told
        self._renewed = renewed
        self._rescued = rescued
        self._lock = Lock()
        self._closing = False
        self.id = ""

    def open(self) -> None:
        """Raises the TransportErrors."""
        with self._lock:
            self._open()

    def replace(self, lost: str) -> None:
        """The lease of session `lost` has ended. Whoever notices first opens the next."""
        with self._lock:
            if self.id != lost or self._closing:
                return
            held = [attempt for attempt in self._holdings.undecided() if attempt.session == lost]
            self._journal.lost(lost, len(held))
            # First those that wait: they must not begin in the places of the others.
            for attempt in reversed(held):
                self._told(attempt, Stop.LOST, "the lease was lost")
            # These would count as lost together with their worker.
            self._give_back([each for each in held if each.stop is Stop.LOST and not each.started])
            # What was done during an outage still counts, until somebody takes the runs away: the first beat
            # of the next session would.
            self._holdings.await_delivered(GRACE)
            self._open()

    def hold(self, attempts: Sequence[Attempt], claimed: float) -> bool:
        """Add what a claim has brought that was first sent at this moment (monotonic) to what is held.

        False, and it goes back, where that took so long that others may have it already: the session was
        replaced, or has told that it does not hold it.
        """
        with self._lock:
            ours = attempts[0].session == self.id and monotonic() - claimed < self._lease
            if ours:
                self._holdings.add(attempts)
        if not ours:
            self._give_back(attempts)
        return ours

    def beat(self, stats: dict[str, Any]) -> bool:
        """Renew the lease and hear the news. Raises the TransportErrors.

        True when there is news of a run that is not held yet: the answer to its claim is on its way.
        """
        session, held = self.id, self._holdings.by_run()
        answer = self._transport.call(
            "beat",
            {
                "p_session": session,
                "p_held": [attempt.held for attempt in held.values()],
                "p_lease": self._lease,
                "p_stats": stats,
            },
        )
        self._clock.set(answer["now"])
        if answer["lost"]:
            self.replace(session)
            return False
        self._renewed(session)
        self._journal.beat(len(held))
        if answer["rescued"]:
            self._journal.rescued(answer["rescued"])
            self._rescued()
        early = False
        for news in answer["cancel"]:
            attempt = held.get(news["id"])
            if attempt is not None and attempt.token == news["token"]:
                self._told(attempt, Stop.CANCELLED, news["reason"] or "cancelled")
            else:
                early = True
        for run in answer["stale"]:
            self._told(held[run], Stop.LOST, "the run has gone on without this worker")
        return early

    def release(self, attempts: Sequence[Attempt], *, close: bool = False) -> None:
        """Give runs back without using up their attempts; `close` ends the session. What fails is left to
        the end of the lease.
        """
        if close:
            with self._lock:
                self._closing = True
        self._give_back(attempts, close=close)

    def _give_back(self, attempts: Sequence[Attempt], *, close: bool = False) -> None:
        if not attempts and not close:
            return
        given = [{**attempt.held, "started": attempt.started > 0} for attempt in attempts]
        try:
            answer = self._transport.call(
                "release", {"p_session": self.id, "p_runs": given, "p_close": close}
            )
        except HourhandError as error:
            self._journal.trouble(NOT_GIVEN_BACK, error)
            return
        for attempt, told in zip(attempts, answer["results"], strict=True):
            self._journal.released(attempt, told["outcome"])
        if close:
            self._journal.closed()

    def _open(self) -> None:
        session = str(uuid.uuid4())
        answer = self._transport.call(
            "open_session",
            {
                "p_session": session,
                "p_kind": self._kind,
                "p_name": self._name,
                "p_host": socket.gethostname(),
                "p_pid": os.getpid(),
                "p_version": version("hourhand"),
                "p_lease": self._lease,
                "p_tasks": self._tasks,
            },
        )
        self._clock.set(answer["now"])
        self.id = self._journal.session = session
        self._renewed(session)
        self._journal.opened()


class Heartbeat:
    """Beats on a thread of its own, so that no task can lose the lease by holding up the others.

    Every third of the lease while runs are held, else every two thirds: an idle session loses nothing by
    ending, but opening another one each time would be noise. Not more rarely than the worker polls (seconds,
    or half a second), because a beat is also what finds the runs of workers that were lost.
    """

    def __init__(
        self,
        ground: Ground,
        session: Session,
        lease: float,
        poll: float,
        stats: Callable[[], dict[str, Any]],
    ) -> None:
        self._holdings = ground.holdings
        self._session = session
        self._lease = lease
        self._poll = max(poll, SHORTEST_PAUSE)
        self._stats = stats
        self._bell = Event()
        self._last = 0.0
        self._soon = False
        self._resting = False
        self._stopping = False
        self._outage = ground.outage
        self._thread = Thread(target=self._run, name="hourhand-heartbeat", daemon=True)

    def start(self) -> None:
        self._last = monotonic()
        self._thread.start()

    def holding(self) -> None:
        """Something is held now."""
        if self._resting:
            self._bell.set()

    def hint(self) -> None:
        """There may be news: beat early, though at most once a second, when something is held."""
        self._soon = True
        if len(self._holdings):
            self._bell.set()

    def stop(self) -> None:
        self._stopping = True
        self._bell.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stopping:
            left = self._next() - monotonic()
            if left > 0:
                self._bell.wait(left)
                self._bell.clear()
            else:
                self._beat()

    def _next(self) -> float:
        # Set before the look, so that what is held from after it on is heard of.
        self._resting = True
        self._resting = not len(self._holdings)
        pause = min(self._poll, self._lease * (2 if self._resting else 1) / 3)
        return self._last + (min(pause, 1.0) if self._soon or self._outage.lasts(HEARTBEAT) else pause)

    def _beat(self) -> None:
        self._last = monotonic()
        self._soon = False
        try:
            if self._session.beat(self._stats()):
                self._soon = True
        except Exception as error:  # noqa: BLE001  (whatever it is, the lease must be renewed)
            self._outage.failed(HEARTBEAT, error)
        else:
            self._outage.over(HEARTBEAT)
