"""The timing columns of a schedule, checked one by one."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo

from hourhand.timetable.cron import Cron
from hourhand.timetable.exclusions import Exclusions
from hourhand.timetable.instants import BEGIN, END, EPOCH, MICROSECOND, Source, micros
from hourhand.timetable.interval import Interval
from hourhand.timetable.once import Once
from hourhand.timetable.parse import parse
from hourhand.timetable.refusal import BadTiming
from hourhand.timetable.windows import Gap, Overlap, Policy
from hourhand.timetable.zones import zone

Row = Mapping[str, object]

KINDS = ("cron", "every", "run_at")
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=36_525)


class Timing(NamedTuple):
    """What the columns say. `begin` and `end` enclose the instants: [begin, end), in microseconds."""

    source: Source
    zone: ZoneInfo
    begin: int
    end: int
    exclusions: Exclusions


def read(row: Row, default_timezone: str) -> Timing:
    """Raises BadTiming. Columns that have nothing to do with timing are ignored."""
    place = zone(_text(row, "timezone") or default_timezone)
    starts_at, ends_at = _instant(row, "starts_at"), _instant(row, "ends_at")
    begin = BEGIN if starts_at is None else micros(starts_at)
    end = END if ends_at is None else micros(ends_at) + 1
    if ends_at is not None and end <= max(begin, BEGIN):
        before = "the year 1900" if begin <= BEGIN else f"starts_at, {starts_at}"
        raise _bad("ends_at", f"ends_at {ends_at} is before {before}", "take a later one, or none")
    if begin >= END:
        raise _bad("starts_at", f"starts_at {starts_at} is too far away", "nothing fires after the year 2199")
    source = _source(row, kind(row), place, policy(row))
    return Timing(source, place, max(begin, BEGIN), min(end, END), Exclusions.of(row.get("exclude")))


def kind(row: Row) -> str:
    """Which of cron, every and run_at the row has."""
    given = [kind for kind in KINDS if row.get(kind) is not None]
    if len(given) != 1:
        several = f"{' and '.join(given)} are given" if given else "neither cron, every nor run_at is given"
        raise _bad(given[-1] if given else "cron", several, "give exactly one of cron, every and run_at")
    return given[0]


def policy(row: Row) -> Policy:
    return Policy(_choice(row, "dst_gap", Gap, "run_after"), _choice(row, "dst_overlap", Overlap, "first"))


def _source(row: Row, kind: str, place: ZoneInfo, policy: Policy) -> Source:
    match kind:
        case "cron":
            return Cron(parse(_text(row, "cron") or "", _text(row, "name")), place, policy)
        case "every":
            return _interval(row)
    return Once.local(_wall(row, "run_at"), place, policy)


def _interval(row: Row) -> Interval:
    every = _duration(row["every"])
    if not SHORTEST <= every <= LONGEST:
        raise _bad(
            "every",
            f"every {row['every']} is not between a second and a century",
            "write a duration such as 90 (seconds) or 1h30m",
        )
    anchor = _instant(row, "anchor") or _instant(row, "created_at") or EPOCH
    return Interval(micros(anchor), every // MICROSECOND)


# --- Values: as JSON has them, or already as Python's ---


def _text(row: Row, field: str) -> str | None:
    value = row.get(field)
    if value is None or isinstance(value, str):
        return value
    raise _bad(field, f"{field} {value!r} is not a text", "write it in quotes")


def _choice(row: Row, field: str, choices: Any, default: Any) -> Any:
    value = row.get(field) or default
    if value not in get_args(choices):
        raise _bad(field, f"{field} {value!r} is not known", f"write one of {', '.join(get_args(choices))}")
    return value


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return timedelta(seconds=min(max(value, -1), LONGEST / SHORTEST + 1))
    raise _bad("every", f"every {value!r} is not a duration", "write the number of seconds")


def _instant(row: Row, field: str) -> datetime | None:
    value = row.get(field)
    if value is None:
        return None
    found = _datetime(field, value)
    if found.tzinfo is None:
        raise _bad(field, f"{field} {value} has no offset", "write an instant: 2026-12-24T09:00:00+01:00")
    return found


def _wall(row: Row, field: str) -> datetime:
    value = row[field]
    found = _datetime(field, value)
    if found.tzinfo is not None:
        raise _bad(
            field, f"{field} {value} has an offset", "write the local time and name the zone in timezone"
        )
    return found


def _datetime(field: str, value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        problem = f"{field} {value!r} is not a date and time"
        raise _bad(field, problem, "write it as 2026-12-24T09:00:00") from None


def _bad(field: str, problem: str, hint: str) -> BadTiming:
    return BadTiming(problem, hint, field=field)
