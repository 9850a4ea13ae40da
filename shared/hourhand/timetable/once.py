"""One local time, once: an instant, two if it is repeated and both count, none if it is skipped."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from hourhand.timetable.clock import DAY
from hourhand.timetable.instants import BEGIN, END, MICROSECOND, SECOND
from hourhand.timetable.windows import Policy, windows
from hourhand.timetable.zones import BLOCK

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (local time)


class Once:
    """A few given instants, in microseconds since 1970 UTC."""

    def __init__(self, *instants: int) -> None:
        self._instants = instants

    @classmethod
    def local(cls, at: datetime, zone: ZoneInfo, policy: Policy) -> Self:
        """The wall time `at` in `zone`, around clock changes like a fixed cron expression."""
        local = (at - _EPOCH) // MICROSECOND
        return cls(*_instants(*divmod(local, SECOND), zone, policy) if BEGIN <= local < END else ())

    def first(self, start: int, end: int) -> int | None:
        return next((at for at in self._instants if start <= at < end), None)

    def last(self, start: int, end: int) -> int | None:
        return next((at for at in reversed(self._instants) if start <= at < end), None)

    def count(self, start: int, end: int) -> int:
        return sum(start <= at < end for at in self._instants)


def _instants(second: int, fraction: int, zone: ZoneInfo, policy: Policy) -> Iterator[int]:
    for block in range((second - DAY) // BLOCK, (second + DAY) // BLOCK + 1):
        for window in windows(zone, block, policy):
            if window.skipped is not None and window.skipped[0] <= second < window.skipped[1]:
                yield window.start * SECOND
            elif window.fixed and window.start <= second - window.offset < window.end:
                yield (second - window.offset) * SECOND + fraction
