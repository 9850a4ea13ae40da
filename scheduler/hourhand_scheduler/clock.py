"""The database's clock, seen from a process that can only ask it now and then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic


class DatabaseClock:
    """What the database's clock will show when a call that is sent now begins there.

    Every answer tells the database's time at some moment between sending and receiving, which bounds the
    distance of the two clocks from both sides. The lowest upper bound, from the quickest call, lets no call
    arrive early; it is given up when a later answer proves that the clock has moved on.
    Between answers the monotonic clock counts, so nobody's change of the wall clock here matters.
    """

    def __init__(self, monotonic: Callable[[], float] = monotonic) -> None:
        self.monotonic = monotonic
        self._distance: timedelta | None = None

    def observe(self, sent: float, now: datetime) -> None:
        """An answer that has just arrived: the call was `sent` (monotonic) and began there at `now`."""
        highest, lowest = now - _at(sent), now - _at(self.monotonic())
        if self._distance is None or highest < self._distance or lowest > self._distance:
            self._distance = highest

    def now(self) -> datetime:
        """UTC. Before the first answer it is the beginning of time, at which nothing is due."""
        if self._distance is None:
            return datetime.min.replace(tzinfo=UTC)
        return _at(self.monotonic()) + self._distance

    def until(self, instant: datetime) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, (instant - self.now()).total_seconds())


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
