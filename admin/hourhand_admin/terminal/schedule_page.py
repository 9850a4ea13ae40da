"""How a schedule reads: when, in which state, its last runs and firings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from hourhand.cli import table
from hourhand.records import ScheduleRecord
from hourhand.schedule_rows import told
from hourhand.timetable import Timetable, describe
from hourhand_admin.terminal import text


def timing(schedule: ScheduleRecord) -> str:
    """`*/15 * * * *`, `every 15m` or `at 2027-01-01 09:00:00`."""
    if schedule.every is not None:
        return f"every {text.duration(schedule.every)}"
    return schedule.cron or f"at {schedule.run_at}"


def state(schedule: ScheduleRecord, now: datetime) -> str:
    if schedule.error is not None:
        return f"broken: {text.shorten(schedule.error, 60)}"
    if not schedule.is_active:
        return _noted("paused", schedule.pause_note)
    if schedule.paused_until is not None and schedule.paused_until > now:
        return _noted(f"paused until {text.local(schedule.paused_until)}", schedule.pause_note)
    return "active"


def last_run(schedule: ScheduleRecord, now: datetime) -> str:
    last = (schedule.model_extra or {}).get("last_run")
    return f"{last['status']} {text.ago(text.instant(last['finished_at']), now)}" if last else text.NONE


def zone_of(schedule: ScheduleRecord, default: str) -> str:
    return schedule.timezone or default


def coming(schedule: ScheduleRecord, now: datetime, n: int, zone: str) -> list[datetime]:
    """The next firings that are not excluded, as far as `max_runs` and a pause allow. Raises BadSchedule."""
    left = (schedule.model_extra or {}).get("runs_left")
    start = max(now, schedule.paused_until or now)
    return list(islice(_instants(schedule, start, zone), n if left is None else min(n, left)))


def _instants(schedule: ScheduleRecord, after: datetime, zone: str) -> Iterator[datetime]:
    timetable = Timetable.of(schedule.model_dump(mode="json"), zone)
    at = timetable.next_included(after)
    while at is not None:
        yield at
        at = timetable.next_included(at)


def schedule_page(schedule: ScheduleRecord, now: datetime, default_zone: str) -> str:
    return "\n\n".join(_parts(schedule, now, zone_of(schedule, default_zone)))


def _parts(schedule: ScheduleRecord, now: datetime, zone: str) -> Iterator[str]:
    more = schedule.model_extra or {}
    yield text.harmless(f"schedule {schedule.name} of {schedule.task}: {state(schedule, now)}")
    yield text.fields(
        [
            ("description", schedule.description),
            ("when", timing(schedule)),
            ("", _described(schedule)),
            ("zone", zone),
            ("next", text.local_and_ago(schedule.next_run_at, now, zone)),
            ("last", text.local_and_ago(schedule.last_run_at, now, zone)),
            ("payload", text.as_json(schedule.payload)),
            *((name.replace("_", " "), _value(name, more.get(name))) for name in _POLICIES),
            ("queue", schedule.queue),
            ("priority", schedule.priority or None),
            ("tags", ", ".join(schedule.tags)),
            ("error", schedule.error),
        ]
    )
    if more.get("recent_runs"):
        yield _runs(more["recent_runs"], now)
    if more.get("firings"):
        yield _firings(more["firings"], zone)


_POLICIES = (
    "catch_up", "catch_up_window", "overlap", "dst_gap", "dst_overlap", "jitter", "start_deadline", "profile",
    "starts_at", "ends_at", "max_runs", "exclude", "max_attempts", "timeout", "rank_intervals",
)  # fmt: skip
_SPANS = {"catch_up_window", "jitter", "start_deadline", "timeout"}


def _value(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if name in _SPANS:
        return text.duration(value)
    if name == "rank_intervals":
        return text.as_json(told(name, value))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _described(schedule: ScheduleRecord) -> str | None:
    from hourhand.errors import BadSchedule

    try:
        return describe(schedule.cron, schedule.name) if schedule.cron else None
    except BadSchedule:
        return None  # the error is shown below


def _noted(words: str, note: str | None) -> str:
    return f"{words}: {note}" if note else words


def _runs(runs: list[dict[str, Any]], now: datetime) -> str:
    rows = [
        (run["id"], run["status"], run["trigger"], text.ago(text.instant(run["created_at"]), now),
         text.shorten(run["error"], 80) or None)
        for run in runs
    ]  # fmt: skip
    return table(rows, ("run", "status", "trigger", "created", "error"))


def _firings(firings: list[dict[str, Any]], zone: str) -> str:
    rows = [
        (text.local(text.instant(each["scheduled_for"]), zone), each["decision"], each["count"],
         each["run_id"], each["reason"])
        for each in firings
    ]  # fmt: skip
    return table(rows, ("firing", "decision", "count", "run", "reason"))
