"""From rows to schedules and on to firings; where something is wrong, the firing sets the row aside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hourhand.errors import HourhandError
from hourhand.timetable import Timetable
from hourhand_scheduler.firing import Firing
from hourhand_scheduler.plan import plan
from hourhand_scheduler.schedule import Schedule


def load_parser() -> None:
    """What the first expression to be read would load: no instant is to wait for it."""
    Timetable.of({"cron": "* * * * *"})


def read(row: Mapping[str, Any], default_timezone: str) -> Schedule | Firing:
    try:
        return Schedule.read(row, default_timezone)
    except Exception as error:  # noqa: BLE001  (whatever is wrong with one row, it stops no other)
        at = row["next_run_at"] and datetime.fromisoformat(row["next_run_at"])
        return Firing(row["id"], row["name"], row["revision"], at, error=told(error))


def planned(schedule: Schedule, now: datetime) -> Firing:
    try:
        return plan(schedule, now)
    except Exception as error:  # noqa: BLE001  (as above)
        return Firing(schedule.id, schedule.name, schedule.revision, schedule.next_run_at, error=told(error))


def told(error: Exception) -> str:
    """One line for the person who wrote the row."""
    if isinstance(error, HourhandError):
        return f"{error}; {error.hint}" if error.hint else str(error)
    return f"{type(error).__name__}: {error}"
