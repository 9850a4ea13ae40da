"""Which days of a month a cron expression names."""

from calendar import monthrange
from dataclasses import dataclass

LAST = 0
"""Stands for n in "the n-th Friday of the month" when the last one is meant."""

_EVERY_SEVENTH = sum(1 << day for day in range(0, 35, 7))


@dataclass(frozen=True, slots=True)
class Days:
    """The fields month, day of month and day of week. Sets are bits of an integer; Sunday is weekday 0.

    `nearest` are days of the month that are moved to the nearest Monday to Friday of that month, `nth`
    pairs of weekday and n. `either`: it is enough that the number or the weekday matches; otherwise both
    must.
    """

    months: int
    numbers: int
    last: bool
    nearest: tuple[int, ...]
    weekdays: int
    nth: tuple[tuple[int, int], ...]
    either: bool

    def mask(self, year: int, month: int) -> int:
        """The matching days of a month: bit 0 is the 1st."""
        if not self.months >> month & 1:
            return 0
        first, length = monthrange(year, month)
        first = (first + 1) % 7
        by_number, by_weekday = self._by_number(first, length), self._by_weekday(first, length)
        return by_number | by_weekday if self.either else by_number & by_weekday

    def _by_number(self, first: int, length: int) -> int:
        found = self.numbers >> 1 & _all(length)
        if self.last:
            found |= 1 << length - 1
        for day in self.nearest:
            found |= 1 << _nearest_weekday(min(day, length), first, length) - 1
        return found

    def _by_weekday(self, first: int, length: int) -> int:
        found = 0
        for weekday in range(7):
            if self.weekdays >> weekday & 1:
                found |= _each(weekday, first, length)
        for weekday, n in self.nth:
            days = _each(weekday, first, length)
            found |= 1 << days.bit_length() - 1 if n == LAST else days & 0b1111111 << 7 * (n - 1)
        return found


def _all(length: int) -> int:
    return (1 << length) - 1


def _each(weekday: int, first: int, length: int) -> int:
    """Every such weekday of a month that has `length` days and begins on the weekday `first`."""
    return _EVERY_SEVENTH << (weekday - first) % 7 & _all(length)


def _nearest_weekday(day: int, first: int, length: int) -> int:
    match (first + day - 1) % 7:
        case 6:
            return day - 1 if day > 1 else day + 2
        case 0:
            return day + 1 if day < length else day - 2
    return day
