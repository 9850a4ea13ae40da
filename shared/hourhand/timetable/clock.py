"""Walking over the firings of cron expressions on a local clock that never changes its offset.

Times are *local seconds*: seconds since 1970-01-01 00:00 as that clock shows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from hourhand.timetable.parse import Expression
from hourhand.timetable.times import Times, union

DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS_KEPT = 240


@dataclass(frozen=True, slots=True, eq=False)
class _Month:
    """One month: its first second, a bit for each day that has firings, and their times."""

    start: int
    mask: int
    times: Sequence[Times | None]
    count: int

    def first_from(self, day: int, second: int) -> int | None:
        times = self.times[day]
        if times is not None and (rank := times.rank(second)) < times.count:
            return self._at(day, rank)
        later = self.mask >> day + 1 << day + 1
        return self._at((later & -later).bit_length() - 1, 0) if later else None

    def last_before(self, day: int, second: int) -> int | None:
        times = self.times[day]
        if times is not None and (rank := times.rank(second)) > 0:
            return self._at(day, rank - 1)
        earlier = self.mask & (1 << day) - 1
        return self._at(earlier.bit_length() - 1, -1) if earlier else None

    def count_before(self, day: int, second: int) -> int:
        full = sum(times.count for times in self.times[:day] if times is not None)
        times = self.times[day]
        return full if times is None else full + times.rank(second)

    def _at(self, day: int, rank: int) -> int:
        times = self.times[day]
        assert times is not None
        return self.start + day * DAY + times.at(rank % times.count)


class Clock:
    """The firings of several expressions taken together: an instant that two of them name is one firing."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._expressions = expressions
        self._months: dict[int, _Month] = {}

    def first_from(self, start: int, end: int) -> int | None:
        """The first firing in [start, end)."""
        index, day, second = _place(start)
        while (month := self._month(index)).start < end:
            found = month.first_from(day, second)
            if found is not None:
                return found if found < end else None
            index, day, second = index + 1, 0, 0
        return None

    def last_before(self, start: int, end: int) -> int | None:
        """The last firing in [start, end)."""
        index, day, second = _place(end)
        while True:
            month = self._month(index)
            found = month.last_before(day, second)
            if found is not None:
                return found if found >= start else None
            if month.start <= start:
                return None
            index, day, second = index - 1, 30, DAY

    def count(self, start: int, end: int) -> int:
        """How many firings there are in [start, end)."""
        first, *from_day = _place(start)
        last, *to_day = _place(end)
        full = sum(self._month(index).count for index in range(first, last))
        return full + self._month(last).count_before(*to_day) - self._month(first).count_before(*from_day)

    def _month(self, index: int) -> _Month:
        found = self._months.get(index)
        if found is None:
            if len(self._months) >= _MONTHS_KEPT:
                self._months.clear()
            found = self._months[index] = self._built(index)
        return found

    def _built(self, index: int) -> _Month:
        year, month = index // 12, index % 12 + 1
        masks = [(each.days.mask(year, month), each.times) for each in self._expressions]
        days = [tuple(times for mask, times in masks if mask >> day & 1) for day in range(31)]
        times = [union(some) if len(some) > 1 else some[0] if some else None for some in days]
        mask = sum(1 << day for day, some in enumerate(days) if some)
        start = (date(year, month, 1).toordinal() - _EPOCH) * DAY
        return _Month(start, mask, times, sum(each.count for each in times if each is not None))


@lru_cache(maxsize=1024)
def clock(expressions: tuple[Expression, ...]) -> Clock:
    """The same clock for the same expressions, so that its months are computed once."""
    return Clock(expressions)


def _place(at: int) -> tuple[int, int, int]:
    """The month (counted from year 0), the day of the month (from 0) and the second of the day."""
    day, second = divmod(at, DAY)
    found = date.fromordinal(day + _EPOCH)
    return found.year * 12 + found.month - 1, found.day - 1, second
