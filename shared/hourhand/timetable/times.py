"""At which seconds of a day something fires."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Minutes of the day, the seconds within each, and how many firings come before each minute."""

    minutes: tuple[int, ...]
    seconds: tuple[tuple[int, ...], ...]
    before: tuple[int, ...]
    count: int

    def rank(self, second: int) -> int:
        """How many firings there are before `second` of the day."""
        minute = second // 60
        index = bisect_left(self.minutes, minute)
        if index == len(self.minutes):
            return self.count
        within = bisect_left(self.seconds[index], second % 60) if self.minutes[index] == minute else 0
        return self.before[index] + within

    def at(self, rank: int) -> int:
        """The second of the day at which the firing with this rank (from 0) happens."""
        index = bisect_right(self.before, rank) - 1
        return self.minutes[index] * 60 + self.seconds[index][rank - self.before[index]]


@lru_cache(maxsize=512)
def product(hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]) -> Times:
    """All combinations; each argument in rising order."""
    minutes = tuple(hour * 60 + minute for hour in hours for minute in minutes)
    count = len(minutes) * len(seconds)
    return Times(minutes, (seconds,) * len(minutes), tuple(range(0, count, len(seconds))), count)


@lru_cache(maxsize=512)
def union(many: Sequence[Times]) -> Times:
    """What fires when any of `many` (a tuple) does, once."""
    merged: dict[int, frozenset[int]] = {}
    for times in many:
        for minute, seconds in zip(times.minutes, times.seconds, strict=True):
            merged[minute] = merged.get(minute, frozenset()) | frozenset(seconds)
    minutes = tuple(sorted(merged))
    within = tuple(tuple(sorted(merged[minute])) for minute in minutes)
    *before, count = accumulate(map(len, within), initial=0)
    return Times(minutes, within, tuple(before), count)
