"""The fields of a schedule as texts in a form, and back; each read alone, so that an error has its field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hourhand.bands import bands
from hourhand.durations import parse_duration
from hourhand.schedule_rows import DEFAULTS, told
from hourhand.schedules import SPANS
from hourhand.timetable.wall import wall

Row = Mapping[str, Any]
Texts = dict[str, str]

KINDS = ("cron", "every", "run_at")
_DAYS = {"": timedelta(0), "today": timedelta(0), "yesterday": timedelta(1)}
INSTANTS = frozenset({"anchor", "starts_at", "ends_at"})
NUMBERS = {
    "priority": (-100, 100),
    "catch_up_limit": (1, 10_000),
    "max_runs": (1, 2**31 - 1),
    "max_attempts": (1, 1000),
}
CHOICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "overlap": (
        ("skip", "Skip the new one"),
        ("buffer_one", "Let one wait"),
        ("buffer_all", "Let all wait, one after the other"),
        ("cancel_other", "Cancel the one before"),
        ("allow_all", "Run side by side"),
    ),
    "catch_up": (
        ("last", "The last one runs"),
        ("all", "All run, as far as window and limit go"),
        ("skip", "None runs"),
    ),
    "dst_gap": (("run_after", "Run right after the change"), ("skip", "Do not run")),
    "dst_overlap": (
        ("first", "Run the first time"),
        ("last", "Run the last time"),
        ("both", "Run each time"),
    ),
    "profile": (("", "A server: always on"), ("sleeper", "A machine that sleeps")),
}
FIELDS = (
    "name", "description", "task", *KINDS, "anchor", "timezone", *CHOICES, "catch_up_window",
    "start_deadline", "jitter", "starts_at", "ends_at", "exclude", "tags", "queue", "timeout",
    "rank_intervals", *NUMBERS,
)  # fmt: skip
_LISTS = frozenset({"tags", "exclude"})
_COMMA = re.compile(r"[,\n]")


def texts(row: Row, zone: str) -> Texts:
    """A row as its form shows it; instants in the schedule's zone."""
    shown = {name: _text(name, row.get(name), zone) for name in FIELDS}
    return {**shown, "kind": next((kind for kind in KINDS if row.get(kind) is not None), "cron")}


def blank() -> Texts:
    return texts({**DEFAULTS, "name": "", "task": ""}, "UTC")


def read(name: str, text: str, zone: str) -> Any:
    """The value of a column. Raises ValueError or BadSchedule; an empty text is None, or the default."""
    if not text:
        return DEFAULTS.get(name)
    if name in SPANS:
        return parse_duration(text).total_seconds()
    if name in NUMBERS:
        return read_number(text, *NUMBERS[name])
    if name in CHOICES:
        return _choice(text, name)
    return _READERS.get(name, _as_it_is)(text, zone)


def _text(name: str, value: Any, zone: str) -> str:
    if value is None:
        return ""
    if name in INSTANTS:
        return _local(value, zone)
    if name == "run_at":
        return str(value)
    if name in _LISTS:
        return ", ".join(map(str, value))
    if name == "rank_intervals":
        return json.dumps(told(name, value), ensure_ascii=False)
    return str(told(name, value))


def _local(value: str, zone: str) -> str:
    try:
        return datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, KeyError, OverflowError):
        return value


def read_number(text: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if least <= value <= most:
        return value
    raise ValueError(f"a whole number from {least} to {most} is wanted")


def _choice(text: str, name: str) -> str:
    if text in dict(CHOICES[name]):
        return text
    raise ValueError(f"{text[:40]!r} is none of the choices")


def read_instant(text: str, zone: str) -> str:
    """A local time in the schedule's zone, or one with an offset, as an instant. Raises ValueError."""
    at = read_time(text)
    return (at if at.tzinfo else wall(at, zone).instants[0]).isoformat()


def _moment(text: str, _zone: str) -> str:
    at = read_time(text)
    if at.tzinfo is not None:
        raise ValueError("a local time is wanted, without offset: the zone is that of the schedule")
    return at.isoformat()


def read_time(text: str) -> datetime:
    """A time with or without an offset. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date and time: write 2026-12-24T18:00") from None


def read_local(text: str, today: date) -> datetime:
    """The same, or a time of day alone, also of yesterday: "yesterday 02:30". Raises ValueError."""
    day, _, clock = text.lower().rpartition(" ")
    if day in _DAYS and ":" in clock:
        with suppress(ValueError):
            return datetime.combine(today - _DAYS[day], time.fromisoformat(clock))
    return read_time(text)


def _list(text: str, _zone: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in _COMMA.split(text) if part.strip()))


def _bands(text: str, _zone: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError('this is not JSON: write {"81": "1d", "1": "5d", "limit": 50}') from None
    return bands(value)


def _as_it_is(text: str, _zone: str) -> str:
    return text


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(INSTANTS, read_instant),
    **dict.fromkeys(_LISTS, _list),
    "run_at": _moment,
    "rank_intervals": _bands,
}
