"""Instants as integers: microseconds since 1970 UTC, within a bounded calendar."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Raises ValueError for a datetime without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: an instant is needed")
    return (at - EPOCH) // MICROSECOND


def instant(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


BEGIN, END = micros(datetime(1900, 1, 1, tzinfo=UTC)), micros(datetime(2200, 1, 1, tzinfo=UTC))
"""Nothing fires before or after."""


class Source(Protocol):
    """Instants in rising order. Ranges are [start, end), in microseconds."""

    def first(self, start: int, end: int) -> int | None: ...

    def last(self, start: int, end: int) -> int | None: ...

    def count(self, start: int, end: int) -> int: ...
