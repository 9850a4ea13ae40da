"""How times, durations and counts read in a terminal.

Every command module loads this one: what takes its time to import is imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hourhand.durations import format_duration
from hourhand.harmless import harmless as harmless

_BARS = "▁▂▃▄▅▆▇█"
NONE = "-"
_JSON_LINE = 80


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
    from zoneinfo import ZoneInfo

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


def fields(pairs: Iterable[tuple[str, object]], indent: str = "") -> str:
    """One value a line, the names padded; values that are None or empty are left out."""
    shown = [
        (name, harmless(str(value))) for name, value in pairs if value is not None and value not in ("", NONE)
    ]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{indent}{name:<{width}}  {_hanging(value, width, indent)}" for name, value in shown)


def _hanging(value: str, width: int, indent: str) -> str:
    return value.replace("\n", f"\n{indent}{'':<{width}}  ")


def as_json(value: Any) -> str:
    """JSON on one line when it is short, else indented."""
    import json

    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= _JSON_LINE else json.dumps(value, ensure_ascii=False, indent=2)
