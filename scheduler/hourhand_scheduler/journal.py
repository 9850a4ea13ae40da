"""The scheduler's event log.

An intent is written before the call to the database, and what came of it after the answer. Events that only
programs read (intents, beats) have no message.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourhand import log
from hourhand.durations import format_duration
from hourhand.errors import HourhandError
from hourhand_scheduler.firing import Firing, Note

if TYPE_CHECKING:
    from hourhand.schedule_changes import Change

Results = Mapping[int, Mapping[str, Any]]
"""What `fire` answered, by schedule."""


class Journal:
    """`session` of the lines is the one that is open when they are written."""

    def __init__(self) -> None:
        self.session = ""

    # --- The process ---

    def started(self, poll: timedelta) -> None:
        message = f"hourhand scheduler started. Polling every {poll.total_seconds():g} seconds"
        log.event("scheduler.started", message=message, session=self.session)

    def state(self, **fields: Any) -> None:
        """What a signal asked for."""
        shown = ", ".join(f"{name} {value}" for name, value in fields.items())
        log.event("scheduler.state", message=f"State: {shown}", session=self.session, **fields)

    def left(self, seconds: float) -> None:
        message = f"The database does not answer within {seconds:g} s; the scheduler stops all the same"
        log.event("scheduler.left", "WARNING", message, session=self.session)

    def applied(self, file: Path, changes: "Sequence[Change]") -> None:
        counts = Counter(change.action for change in changes)
        told = ", ".join(f"{count} {action}" for action, count in counts.items()) or "it names none"
        log.event("schedules.applied", message=f"Schedules of {file}: {told}", session=self.session)

    def not_applied(self, error: HourhandError) -> None:
        log.event("schedules.refused", "ERROR", f"Schedules stay as they are: {error}", session=self.session)

    def opened(self) -> None:
        log.event("session.opened", session=self.session)

    def beat(self) -> None:
        log.event("session.beat", session=self.session)

    def lost(self, session: str) -> None:
        log.event("session.lost", "WARNING", "The lease of this session has ended", session=session)

    def closed(self) -> None:
        log.event("session.closed", session=self.session)

    # --- Firings ---

    def intent(self, firings: Sequence[Firing]) -> None:
        due = [firing for firing in firings if firing.runs]
        if due:
            log.event("schedule.due", message=f"Found {len(due)} due job(s) to enqueue", session=self.session)
        if log.enabled("INFO", message=False):
            for firing in due:
                for run in firing.runs:
                    fields = self._of(firing, run.at)
                    log.event("schedule.fire.intent", **fields, run_at=run.run_at.isoformat())

    def decided(
        self, firings: Sequence[Firing], results: Mapping[int, Mapping[str, Any]], now: datetime
    ) -> None:
        """What another scheduler won is its to tell."""
        for firing in firings:
            result = results[firing.schedule_id]
            match result["outcome"]:
                case "quarantined":
                    self._set_aside(firing, result["error"])
                case "fired":
                    for run in result["runs"]:
                        self._run(firing, run, now)
                    for note in firing.notes:
                        self._note(firing, note)

    def _set_aside(self, firing: Firing, error: str) -> None:
        message = f"Schedule {firing.name} is set aside until it is edited: {error}"
        log.event("schedule.quarantined", "ERROR", message, session=self.session, schedule=firing.name)

    def _run(self, firing: Firing, run: Mapping[str, Any], now: datetime) -> None:
        at, fired = datetime.fromisoformat(run["at"]), run["decision"] == "fired"
        lag = round((now - at).total_seconds() * 1000, 1)
        log.event(
            "schedule.fired" if fired else "schedule.skipped",
            message=f"Fired {firing.name} as run {run['id']}, {_late(lag)} after its time"
            if fired
            else f"Did not run {firing.name}: its run {run['id']} is not over yet",
            **self._of(firing, at),
            run_id=run["id"],
            outcome=run["decision"],
            lag_ms=lag,
        )

    def _note(self, firing: Firing, note: Note) -> None:
        times = "" if note.count == 1 else f" {note.count} times"
        log.event(
            "schedule.skipped",
            message=f"Did not run {firing.name}{times}: {note.verdict.reason}",
            **self._of(firing, note.first),
            scheduled_until=note.last.isoformat(),
            count=note.count,
            outcome=note.verdict.decision,
        )

    def _of(self, firing: Firing, at: datetime) -> dict[str, Any]:
        return {"session": self.session, "schedule": firing.name, "scheduled_for": at.isoformat()}


def _late(lag: float) -> str:
    return f"{lag:.0f} ms" if lag < 10_000 else format_duration(lag / 1000)
