"""A firing: what the scheduler decided about one schedule, as `hourhand.fire` takes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from hourhand import tracing


class Verdict(NamedTuple):
    """Why instants do not run: a decision of the ledger, and a reason for people."""

    decision: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """A stretch of `count` instants that do not run, all for the same reason."""

    first: datetime
    last: datetime
    count: int
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        return {
            "from": self.first.isoformat(),
            "until": self.last.isoformat(),
            "count": self.count,
            "decision": self.verdict.decision,
            "reason": self.verdict.reason,
        }


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run for the instant `at`. Jitter and lateness move `run_at` only, never the instant."""

    at: datetime
    trigger: str
    run_at: datetime

    def as_json(self) -> dict[str, Any]:
        told = {"at": self.at.isoformat(), "trigger": self.trigger, "run_at": self.run_at.isoformat()}
        return {**told, **tracing.mark()}


@dataclass(frozen=True, slots=True)
class Firing:
    """`fire` accepts it only while the row still has this `revision` and `next_run_at` (None: not planned).

    `then` is the next instant to be decided (None: never again). `timezone` is for a row that names none.
    `error` alone quarantines the schedule.
    """

    schedule_id: int
    name: str
    revision: int
    next_run_at: datetime | None
    timezone: str | None = None
    then: datetime | None = None
    runs: tuple[PlannedRun, ...] = ()
    notes: tuple[Note, ...] = ()
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "schedule_id": self.schedule_id,
            "revision": self.revision,
            "next_run_at": self.next_run_at and self.next_run_at.isoformat(),
        }
        if self.error is not None:
            return entry | {"error": self.error}
        if self.timezone is not None:
            entry["timezone"] = self.timezone
        return entry | {
            "then": self.then and self.then.isoformat(),
            "runs": [run.as_json() for run in self.runs],
            "notes": [note.as_json() for note in self.notes],
        }
