"""Cron expressions in a time zone, as instants in UTC."""

from collections.abc import Iterator
from typing import Self
from zoneinfo import ZoneInfo

from hourhand.timetable.clock import DAY, Clock, clock
from hourhand.timetable.instants import SECOND
from hourhand.timetable.parse import Expression
from hourhand.timetable.windows import Policy, Window, windows
from hourhand.timetable.zones import BLOCK

HORIZON = 50 * 366 * DAY
"""How far a firing is searched for, in seconds: a 29 February on one weekday can be forty years away."""


class Cron:
    """The firings of cron expressions. Ranges are [start, end), in microseconds since 1970 UTC."""

    def __init__(self, expressions: tuple[Expression, ...], zone: ZoneInfo, policy: Policy) -> None:
        self.expressions = expressions
        self._zone = zone
        self._policy = policy
        self._all = clock(expressions)
        self._wild = clock(tuple(each for each in expressions if each.wildcard))
        self._fixed = clock(tuple(each for each in expressions if not each.wildcard))

    def first(self, start: int, end: int) -> int | None:
        found = self._first(-(-start // SECOND), -(-end // SECOND))
        return None if found is None else found * SECOND

    def last(self, start: int, end: int) -> int | None:
        found = self._last(-(-start // SECOND), -(-end // SECOND))
        return None if found is None else found * SECOND

    def count(self, start: int, end: int) -> int:
        return self._count(-(-start // SECOND), -(-end // SECOND))

    def parts(self) -> Iterator[tuple[Expression, Self]]:
        """Each expression with its own firings."""
        for expression in self.expressions:
            yield expression, type(self)((expression,), self._zone, self._policy)

    # --- In seconds ---

    def _first(self, start: int, end: int) -> int | None:
        end = min(end, start + HORIZON)
        while start < end:
            for window in self._windows(start // BLOCK):
                if window.end > start and (found := self._first_in(window, start)) is not None:
                    return found if found < end else None
            start = self._skip_ahead((start // BLOCK + 1) * BLOCK, end)
        return None

    def _last(self, start: int, end: int) -> int | None:
        start = max(start, end - HORIZON)
        while start < end:
            for window in reversed(self._windows((end - 1) // BLOCK)):
                if window.start < end and (found := self._last_in(window, end)) is not None:
                    return found if found >= start else None
            end = self._skip_back(start, (end - 1) // BLOCK * BLOCK)
        return None

    def _count(self, start: int, end: int) -> int:
        blocks = range(start // BLOCK, (end - 1) // BLOCK + 1)
        within = (window for block in blocks for window in self._windows(block))
        return sum(self._count_in(window, start, end) for window in within)

    def _windows(self, block: int) -> tuple[Window, ...]:
        return windows(self._zone, block, self._policy)

    # Local time is less than a day away from UTC: blocks without a local firing near them are passed over.

    def _skip_ahead(self, start: int, end: int) -> int:
        local = self._all.first_from(start - DAY, end + DAY)
        return end if local is None else max(start, local - DAY)

    def _skip_back(self, start: int, end: int) -> int:
        local = self._all.last_before(start - DAY, end + DAY)
        return start if local is None else min(end, local + DAY + 1)

    # --- Within one window ---

    def _clock(self, window: Window) -> Clock:
        return self._all if window.fixed else self._wild

    def _makes_up(self, window: Window) -> bool:
        return window.skipped is not None and self._fixed.first_from(*window.skipped) is not None

    def _first_in(self, window: Window, start: int) -> int | None:
        if start <= window.start and self._makes_up(window):
            return window.start
        start = max(start, window.start) + window.offset
        found = self._clock(window).first_from(start, window.end + window.offset)
        return None if found is None else found - window.offset

    def _last_in(self, window: Window, end: int) -> int | None:
        end = min(end, window.end) + window.offset
        found = self._clock(window).last_before(window.start + window.offset, end)
        if found is not None:
            return found - window.offset
        return window.start if self._makes_up(window) else None

    def _count_in(self, window: Window, start: int, end: int) -> int:
        start, end = max(start, window.start), min(end, window.end)
        if start >= end:
            return 0
        clock, local = self._clock(window), start + window.offset
        count = clock.count(local, end + window.offset)
        if start == window.start and self._makes_up(window) and clock.first_from(local, local + 1) is None:
            count += 1
        return count
