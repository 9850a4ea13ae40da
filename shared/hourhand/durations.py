"""Durations as people write them: `90`, `90s`, `15m`, `1h30m`, `2 days`."""

import re
from datetime import timedelta

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WORDS = {
    "sec": "s",
    "second": "s",
    "min": "m",
    "minute": "m",
    "hr": "h",
    "hour": "h",
    "day": "d",
    "week": "w",
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_LONGEST_TEXT = 64

EXAMPLES = "90 (seconds), 45s, 15m, 1h30m or 2d"


def parse_duration(text: str) -> timedelta:
    """Read a duration; a number alone means seconds.

    Months and years are refused, because their length varies. Raises ValueError.
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,12}(\.\d+)?", text):
        return timedelta(seconds=float(text))
    parts = _PART.findall(text)
    if not parts or len(text) > _LONGEST_TEXT or _PART.sub("", text):
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is not a duration: write {EXAMPLES}")
    try:
        return timedelta(seconds=sum(float(number) * _unit(word) for number, word in parts))
    except OverflowError:
        raise ValueError(f"{text!r} is too long a duration") from None


def _unit(word: str) -> float:
    unit = _WORDS.get(word.removesuffix("s"), word)
    if unit not in _SECONDS:
        raise ValueError(f"{word!r} is not a unit of time: use s, m, h, d or w")
    return _SECONDS[unit]


def in_seconds(duration: timedelta | float) -> float:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def format_duration(duration: timedelta | float) -> str:
    """Two units at most, the way `parse_duration` reads them back: `1h 30m`, `2d`, `450ms`."""
    seconds = float(in_seconds(duration))
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if 0 < seconds < 0.9995:
        return f"{max(1, round(seconds * 1000))}ms"
    if 0 < seconds < 9.95:
        return f"{round(seconds, 1):g}s"
    return _whole_units(round(seconds))


def _whole_units(seconds: int) -> str:
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        parts.append(f"{count}{unit}" if count else "")
    first = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    return " ".join(part for part in parts[first : first + 2] if part) or "0s"
