"""The timing half of a row of `scheduled_jobs`, as `due_schedules` answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from hourhand.errors import BadSchedule
from hourhand.timetable import Timetable
from hourhand_scheduler.firing import Firing

CATCH_UP = ("skip", "last", "all")

FOREVER = timedelta(days=365_000)
"""A window that nothing misses: the years of a schedule begin with 1900."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The columns of the same names, with what a sleeper implies.

    `new_timezone` is to be written into a new row that names none.
    """

    id: int
    name: str
    revision: int
    timetable: Timetable
    next_run_at: datetime | None
    new_timezone: str | None
    catch_up: str
    catch_up_window: timedelta | None
    catch_up_limit: int
    jitter: timedelta
    start_deadline: timedelta | None
    paused_until: datetime | None
    runs_left: int | None
    is_sleeper: bool

    @classmethod
    def read(cls, row: Mapping[str, Any], default_timezone: str) -> Self:
        """Raises BadSchedule."""
        if row["catch_up"] not in CATCH_UP:
            raise BadSchedule(f"catch_up is {row['catch_up']!r}, not one of {', '.join(CATCH_UP)}")
        is_sleeper = row["profile"] == "sleeper"
        return cls(
            id=row["id"],
            name=row["name"],
            revision=row["revision"],
            timetable=Timetable.of(row, default_timezone),
            next_run_at=_instant(row["next_run_at"]),
            new_timezone=None if row["timezone"] or row["next_run_at"] else default_timezone,
            catch_up="last" if is_sleeper else row["catch_up"],
            catch_up_window=FOREVER if is_sleeper else _duration(row["catch_up_window"]),
            catch_up_limit=row["catch_up_limit"],
            jitter=_duration(row["jitter"]) or timedelta(),
            start_deadline=_duration(row["start_deadline"]),
            paused_until=_instant(row["paused_until"]),
            runs_left=row["runs_left"],
            is_sleeper=is_sleeper,
        )

    def firing(self) -> Firing:
        """One that decides nothing yet."""
        return Firing(self.id, self.name, self.revision, self.next_run_at, timezone=self.new_timezone)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
