"""What the log says about firings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from hourhand.log import event
from hourhand_scheduler.firing import Firing, Note


class Report:
    """Of one call of `fire`."""

    def __init__(self, session: UUID, firings: Sequence[Firing]) -> None:
        self._session = session
        self._firings = firings

    def intent(self) -> None:
        """Before the call, so that no run can exist of which the log never spoke."""
        due = [firing for firing in self._firings if firing.runs]
        if due:
            event("schedule.due", message=f"Found {len(due)} due job(s) to enqueue")
        for firing in due:
            for run in firing.runs:
                self._tell("schedule.fire.intent", firing, scheduled_for=run.at.isoformat())

    def decided(self, results: Mapping[int, Mapping[str, Any]], now: datetime) -> None:
        """After the call. What another scheduler won is its to tell."""
        for firing in self._firings:
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
        event("schedule.quarantined", "ERROR", message, session=str(self._session), schedule=firing.name)

    def _run(self, firing: Firing, run: Mapping[str, Any], now: datetime) -> None:
        at = datetime.fromisoformat(run["at"])
        self._tell(
            "schedule.fired" if run["decision"] == "fired" else "schedule.skipped",
            firing,
            scheduled_for=at.isoformat(),
            run_id=run["id"],
            outcome=run["decision"],
            lag_ms=round((now - at).total_seconds() * 1000, 1),
        )

    def _note(self, firing: Firing, note: Note) -> None:
        self._tell(
            "schedule.skipped",
            firing,
            scheduled_for=note.first.isoformat(),
            scheduled_until=note.last.isoformat(),
            count=note.count,
            outcome=note.verdict.decision,
            reason=note.verdict.reason,
        )

    def _tell(self, name: str, firing: Firing, **fields: Any) -> None:
        event(name, session=str(self._session), schedule=firing.name, **fields)
