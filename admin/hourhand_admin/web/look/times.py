"""Times and durations as people read them, in the zone that the browser has chosen."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from hourhand.durations import format_duration

SCHEDULE = "schedule"
_MOMENT = 1.0  # seconds that count as now


class Clock:
    """`choice` is UTC, `schedule` (each time in the zone of its schedule) or the name of a zone."""

    def __init__(self, choice: str, default_zone: str, now: str | None) -> None:
        self.choice = choice if choice == SCHEDULE or zone(choice) is not None else "UTC"
        self._default_zone = default_zone
        self.now = instant(now) or datetime.now(UTC)

    def time(self, at: object, schedule_zone: str | None = None) -> str:
        """A `<time>` element; what is no time is shown as it is."""
        moment = instant(at)
        if moment is None:
            return Markup("<span class=none>–</span>") if at is None else str(at)
        local = moment.astimezone(self._zone(schedule_zone))
        text = f"{local:%d %b %H:%M:%S}" if local.year == self.now.year else f"{local:%Y-%m-%d %H:%M}"
        if self.choice == SCHEDULE:
            text += f" {local:%Z}"
        return Markup('<time datetime="{}" title="{} · {}">{}</time>').format(
            f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{local:%Y-%m-%d %H:%M:%S %Z}", self.distance(moment), text
        )

    def ago(self, at: object) -> str:
        """A `<time>` element such as "3 min ago" or "in 12 s"."""
        moment = instant(at)
        if moment is None:
            return Markup("<span class=none>–</span>") if at is None else str(at)
        local = moment.astimezone(self._zone(None))
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{local:%Y-%m-%d %H:%M:%S %Z}", self.distance(moment)
        )

    def stamp(self, at: object) -> str:
        """A short text with milliseconds, for lines of a log."""
        moment = instant(at)
        local = moment.astimezone(self._zone(None)) if moment else None
        return f"{local:%d %b %H:%M:%S}.{local.microsecond // 1000:03}" if local else str(at)

    def distance(self, moment: datetime) -> str:
        seconds = (moment - self.now).total_seconds()
        if abs(seconds) < _MOMENT:
            return "now"
        return f"in {rough(seconds)}" if seconds > 0 else f"{rough(-seconds)} ago"

    def _zone(self, schedule_zone: str | None) -> tzinfo:
        name = (schedule_zone or self._default_zone) if self.choice == SCHEDULE else self.choice
        return zone(name) or UTC


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def instant(text: object) -> datetime | None:
    if isinstance(text, datetime):
        return text.astimezone(UTC)
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def rough(seconds: float) -> str:
    """The largest unit that counts: `3 min`."""
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            whole = seconds / size
            return f"{whole:.1f} {unit}" if whole < 3 and whole % 1 >= 0.1 else f"{whole:.0f} {unit}"
    return f"{seconds:.0f} s"


def duration(seconds: object) -> str:
    """`1 h 30 min`, `250 ms`; what is no number is shown as it is."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return "–" if seconds is None else str(seconds)
    return f"{seconds * 1000:.0f} ms" if 0 <= seconds < 1 else format_duration(seconds)


def milliseconds(value: object) -> str:
    """The same for a number of milliseconds."""
    return duration(value / 1000 if isinstance(value, int | float) else value)


def between(begin: object, end: object) -> float | None:
    """Seconds from one time to another; None when one of them is missing."""
    first, last = instant(begin), instant(end)
    return (last - first).total_seconds() if first and last else None
