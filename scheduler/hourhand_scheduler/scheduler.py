"""The daemon's work, one call to the database at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from hourhand import tracing
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_scheduler.agenda import Agenda
from hourhand_scheduler.clock import DatabaseClock
from hourhand_scheduler.database import Database, Fired
from hourhand_scheduler.firing import Firing
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.reading import load_parser, planned, read
from hourhand_scheduler.schedule import Schedule
from hourhand_scheduler.session import Session

HINT_GAP = 0.1
"""Seconds between two looks at the database, however many hints arrive."""

LOOK_AHEAD = timedelta(seconds=10)
"""How far beyond the next look each one reads, so that the instants around it need not wait for it."""


class Scheduler:
    """Keeps an agenda of what becomes due, and fires it at the right moment of the database's clock.

    Any number of schedulers may run side by side: `fire` decides in the database which of them fires an
    instant. Nothing here has to be right for a run to exist exactly once, only for it to be on time.
    """

    def __init__(self, transport: Transport, settings: Settings, session: Session, journal: Journal) -> None:
        self._clock = DatabaseClock()
        self._database = Database(transport, self._clock)
        self._session = session
        self._journal = journal
        self._batch = settings.scheduler_batch
        self._poll = settings.scheduler_poll
        self._timezone = str(settings.cron_timezone)
        self._agenda = Agenda()
        self._broken: list[Firing] = []
        self._hinted = Event()
        self._start_over()
        load_parser()

    def step(self) -> float:
        """Fires one batch or reads one page; how many seconds until there is more to do (0: at once).

        Raises the TransportErrors; the next step then starts over with what the database says.
        """
        try:
            return self._advance()
        except Exception:
            self._start_over()
            raise

    def finish(self) -> None:
        """Steps until nothing is due any more."""
        while not self.step():
            pass

    def look_again(self) -> None:
        """Somebody may have changed a schedule, or the time. Safe to call from any thread."""
        self._hinted.set()

    def dump(self) -> None:
        """Tells in the log what is on the agenda."""
        at = self._agenda.next_at()
        self._journal.state(
            agenda=len(self._agenda),
            next_at=at and at.isoformat(),
            read_until=self._read_until.isoformat(),
            database_now=self._clock.now().isoformat(),
        )

    def _start_over(self) -> None:
        self._agenda.clear()
        self._broken.clear()
        self._page_after: object = None
        self._is_reading = False
        self._next_look = self._last_look = float("-inf")
        self._read_until = datetime.max.replace(tzinfo=UTC)

    def _advance(self) -> float:
        now = self._clock.now()
        if self._broken or self._agenda.has_due(now):
            self._fire(now)
        elif self._is_reading or self._clock.monotonic() >= self._look_at():
            self._read_page()
        else:
            return self._rest()
        return 0.0

    def _rest(self) -> float:
        look = self._look_at() - self._clock.monotonic()
        at = self._agenda.next_at()
        return max(0.0, look if at is None else min(look, self._clock.until(at)))

    # --- Reading ---

    def _look_at(self) -> float:
        if self._hinted.is_set():
            return min(self._next_look, self._last_look + HINT_GAP)
        return self._next_look

    def _read_page(self) -> None:
        horizon = self._poll + min(self._poll, LOOK_AHEAD)
        if not self._is_reading:
            self._begin()
        page = self._database.due_schedules(horizon, self._batch, self._page_after)
        if self._page_after is None:
            self._read_until = page.now + horizon
        for row in page.rows:
            self._admit(read(row, self._timezone))
        self._page_after = page.more
        if page.more is None:
            self._is_reading = False
            self._agenda.complete()

    def _begin(self) -> None:
        self._hinted.clear()
        self._is_reading = True
        self._last_look = self._clock.monotonic()
        self._next_look = self._last_look + self._poll.total_seconds()
        self._agenda.begin()

    def _admit(self, found: Schedule | Firing) -> None:
        if isinstance(found, Schedule):
            self._agenda.put(found)
        else:
            self._broken.append(found)

    # --- Firing ---

    def _fire(self, now: datetime) -> None:
        broken, self._broken = self._broken[: self._batch], self._broken[self._batch :]
        schedules = self._agenda.take(now, self._batch - len(broken))
        firings = [*broken, *(planned(schedule, now) for schedule in schedules)]
        self._journal.intent(firings)
        fired = self._decide(firings)
        self._journal.decided(firings, fired.results, fired.now)
        for schedule, firing in zip(schedules, firings[len(broken) :], strict=True):
            result = fired.results[schedule.id]
            if result["outcome"] == "lost" and result.get("revision") != schedule.revision:
                self.look_again()  # It was edited, and may be due at any moment.
            following = _following(schedule, firing, result)
            at = following and following.next_run_at
            if following and at and at <= self._read_until:
                self._agenda.put(following)

    def _decide(self, firings: Sequence[Firing]) -> Fired:
        due = [firing.name for firing in firings if firing.runs]
        if not due:
            return self._database.fire(self._session.id, firings)
        with tracing.producing("fire schedules", {"hourhand.schedules": due}):
            return self._database.fire(self._session.id, firings)


def _following(schedule: Schedule, firing: Firing, result: Mapping[str, Any]) -> Schedule | None:
    """The schedule as it stands after its firing; None when only another look can tell."""
    match result["outcome"]:
        case "early":
            return schedule
        case "fired" | "planned":
            fired = {run["at"] for run in result["runs"] if run["decision"] == "fired"}
            left = None if schedule.runs_left is None else max(0, schedule.runs_left - len(fired))
            return replace(schedule, next_run_at=firing.then, runs_left=left)
        case "lost" if schedule.runs_left is None:
            return _overtaken(schedule, result)
        case _:
            return None


def _overtaken(schedule: Schedule, result: Mapping[str, Any]) -> Schedule | None:
    """Most likely another scheduler did the same: stay ready to take over from where it left the cursor."""
    told = result.get("next_run_at")
    at = told and datetime.fromisoformat(told)
    if result.get("revision") != schedule.revision or at in (None, schedule.next_run_at):
        return None
    return replace(schedule, next_run_at=at)
