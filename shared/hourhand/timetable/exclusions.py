"""Local dates on which a schedule rests. Days are ordinals, as of `date.toordinal`."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Self

from hourhand.timetable.refusal import BadTiming

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOST = 1000


class _Range(NamedTuple):
    """Both ends are excluded days."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Weekdays (Monday is 0), and ranges in order and without overlap; each with its text."""

    weekdays: Mapping[int, str]
    ranges: Sequence[_Range]

    @classmethod
    def of(cls, texts: object) -> Self:
        """From a list of `2026-12-25`, `2026-12-24..2027-01-02` and `sat`. Raises BadTiming."""
        if texts is None:
            return cls({}, ())
        if not isinstance(texts, list | tuple) or len(texts) > _MOST:
            raise _bad(texts, f"is not a list of at most {_MOST} texts")
        weekdays = {day: text for text in texts if (day := _weekday(text)) is not None}
        return cls(weekdays, _merged(_range(text) for text in texts if _weekday(text) is None))

    def __bool__(self) -> bool:
        return bool(self.weekdays or self.ranges)

    def rule(self, day: int) -> str | None:
        """The text that excludes this day; None if none does."""
        found = self._range_at(day)
        return found.text if found else self.weekdays.get((day - 1) % 7)

    def _range_at(self, day: int) -> _Range | None:
        index = bisect_right(self.ranges, day, key=lambda each: each.first) - 1
        return self.ranges[index] if index >= 0 and day <= self.ranges[index].last else None


def _weekday(text: object) -> int | None:
    word = text.strip().lower() if isinstance(text, str) else ""
    return next((n for n, name in enumerate(_WEEKDAYS) if word in (name, name[:3])), None)


def _range(text: object) -> _Range:
    if not isinstance(text, str):
        raise _bad(text, "is not a text")
    first, *last = text.split("..", 1)
    try:
        found = _Range(_day(first), _day(*last or [first]), text)
    except ValueError:
        raise _bad(text, "is not understood") from None
    if found.last < found.first:
        raise _bad(text, "ends before it begins")
    return found


def _day(text: str) -> int:
    return date.fromisoformat(text.strip()).toordinal()


def _merged(ranges: Iterable[_Range]) -> Sequence[_Range]:
    merged: list[_Range] = []
    for each in sorted(ranges):
        if merged and each.first <= merged[-1].last:
            merged[-1] = merged[-1]._replace(last=max(each.last, merged[-1].last))
        else:
            merged.append(each)
    return tuple(merged)


def _bad(value: object, problem: str) -> BadTiming:
    hint = "write dates (2026-12-25), ranges (2026-12-24..2027-01-02) and weekdays (sat)"
    return BadTiming(f"exclude {str(value)[:64]!r} {problem}", hint, field="exclude")
