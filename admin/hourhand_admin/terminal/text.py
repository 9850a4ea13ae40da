"""How times, durations and counts read in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hourhand.durations import format_duration

_BARS = "▁▂▃▄▅▆▇█"
NONE = "-"


def shorten(text: str | None, width: int) -> str:
    """The text on one line, at most `width` characters."""
    line = " ".join((text or "").split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def ago(at: datetime | None, now: datetime) -> str:
    """`in 5m` or `3h 10m ago`."""
    if at is None:
        return NONE
    distance = (at - now).total_seconds()
    if abs(distance) < 1:
        return "now"
    return f"in {format_duration(distance)}" if distance > 0 else f"{format_duration(-distance)} ago"


def local(at: datetime | None, timezone: str | None = None) -> str:
    """The instant in a time zone, else in this computer's; with the zone's short name."""
    if at is None:
        return NONE
    return at.astimezone(ZoneInfo(timezone) if timezone else None).strftime("%Y-%m-%d %H:%M:%S %Z")


def local_and_ago(at: datetime | None, now: datetime, timezone: str | None = None) -> str:
    return NONE if at is None else f"{local(at, timezone)} ({ago(at, now)})"


def duration(value: timedelta | float | None) -> str:
    return NONE if value is None else format_duration(value)


def bars(counts: Sequence[int]) -> str:
    """One character a count: `▁▃█▁`; nothing at all is a space."""
    top = max(counts, default=0)
    return "".join(_BARS[(count * len(_BARS) - 1) // top] if count else " " for count in counts)


def count(number: int, noun: str) -> str:
    """`1 run`, `2 runs`, `3 queries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("ry") else f"{number} {noun}s"


def instant(text: str | None) -> datetime | None:
    """An instant from the database's JSON."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
