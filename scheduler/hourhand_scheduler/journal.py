"""The scheduler's event log.

An intent is written before the call to the database, and what came of it after the answer. In the text
format, lines that only programs read (intents, beats) are of the level DEBUG.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hourhand import log
from hourhand_scheduler.firing import Firing, Note

Results = Mapping[int, Mapping[str, Any]]
"""What `fire` answered, by schedule."""


class Journal:
    """`session` of the lines is the one that is open when they are written."""

    def __init__(self, *, json: bool = False) -> None:
        self._detail = "INFO" if json else "DEBUG"
        self.session = ""

    # --- The process ---

    def started(self, poll: timedelta) -> None:
        message = f"hourhand scheduler started. Polling every {poll.total_seconds():g} seconds"
        log.event("scheduler.started", message=message, session=self.session)

    def state(self, **fields: Any) -> None:
        log.event("scheduler.state", session=self.session, **fields)

    def opened(self) -> None:
        log.event("session.opened", self._detail, session=self.session)

    def beat(self) -> None:
        log.event("session.beat", self._detail, session=self.session)

    def lost(self, session: str) -> None:
        log.event("session.lost", "WARNING", "The lease of this session has ended", session=session)

    def closed(self) -> None:
        log.event("session.closed", self._detail, session=self.session)

    # --- Firings ---

    def intent(self, firings: Sequence[Firing]) -> None:
        due = [firing for firing in firings if firing.runs]
        if due:
            log.event("schedule.due", message=f"Found {len(due)} due job(s) to enqueue", session=self.session)
        if log.enabled(self._detail):
            for firing in due:
                for run in firing.runs:
                    fields = self._of(firing, run.at)
                    log.event("schedule.fire.intent", self._detail, **fields, run_at=run.run_at.isoformat())

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
        log.event(
            "schedule.fired" if fired else "schedule.skipped",
            message=f"Schedule {firing.name} fired: job run {run['id']}"
            if fired
            else f"Schedule {firing.name} did not run: job run {run['id']} is not over yet",
            **self._of(firing, at),
            run_id=run["id"],
            outcome=run["decision"],
            lag_ms=round((now - at).total_seconds() * 1000, 1),
        )

    def _note(self, firing: Firing, note: Note) -> None:
        times = "" if note.count == 1 else f" {note.count} times"
        log.event(
            "schedule.skipped",
            message=f"Schedule {firing.name} did not run{times}: {note.verdict.reason}",
            **self._of(firing, note.first),
            scheduled_until=note.last.isoformat(),
            count=note.count,
            outcome=note.verdict.decision,
        )

    def _of(self, firing: Firing, at: datetime) -> dict[str, Any]:
        return {"session": self.session, "schedule": firing.name, "scheduled_for": at.isoformat()}
