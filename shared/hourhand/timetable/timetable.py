"""When a schedule fires."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Self
from zoneinfo import ZoneInfo

from hourhand.timetable.clock import DAY
from hourhand.timetable.exclusions import Exclusions
from hourhand.timetable.instants import BEGIN, END, EPOCH, SECOND, Source, instant, micros
from hourhand.timetable.row import read
from hourhand.timetable.zones import offset, offsets

_EPOCH_DAY = EPOCH.toordinal()
_FAR = 50 * 366 * DAY * SECOND
_SAMPLE, _SAMPLES = micros(datetime(2024, 1, 1, tzinfo=UTC)), 48

_Piece = tuple[int, int, str | None]
"""Start, end and the text that excludes what lies between them."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The `last` instants of a stretch, oldest first, and how many come earlier, from which to which."""

    last: list[datetime]
    earlier: int
    earlier_first: datetime | None
    earlier_last: datetime | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants next to each other that the same text excludes, or that (None) are not excluded."""

    first: datetime
    last: datetime
    count: int
    excluded: str | None


@dataclass(frozen=True, slots=True)
class Timetable:
    """Instants in time. It has no clock: whoever asks says from when on.

    Datetimes must be aware (else ValueError); answers are in UTC. Nothing fires outside [begin, end),
    which `starts_at` and `ends_at` (both included) set, in microseconds since 1970. No search goes
    further than 50 years. Excluded instants are among the answers, so that it can be noted that they did
    not run: `excluded` tells them from the others.
    """

    source: Source
    zone: ZoneInfo
    begin: int
    end: int
    exclusions: Exclusions

    @classmethod
    def of(cls, row: Mapping[str, object], default_timezone: str = "UTC") -> Self:
        """From a row of `scheduled_jobs`, as JSON or with Python's types. Raises BadSchedule.

        `every` is in seconds; its `anchor` is by default the row's `created_at`. `run_at` is local time.
        """
        return cls(*read(row, default_timezone))

    def next(self, after: datetime) -> datetime | None:
        """The first instant strictly after `after`; None when there is none."""
        return _datetime(self._first(micros(after) + 1))

    def next_included(self, after: datetime) -> datetime | None:
        """The first instant strictly after `after` that is not excluded."""
        at = self._first(micros(after) + 1)
        limit = micros(after) + _FAR
        while at is not None and self._rule(at) is not None:
            at = self._first(self._end_of_rest(at)) if at < limit else None
        return _datetime(at)

    def between(self, after: datetime, until: datetime, limit: int = 1000) -> list[datetime]:
        """The first `limit` instants in (after, until]."""
        start, end = self._range(after, until)
        found: list[datetime] = []
        while len(found) < limit and (at := self.source.first(start, end)) is not None:
            found.append(instant(at))
            start = at + 1
        return found

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many instants there are in (after, until]."""
        return self.source.count(*self._range(after, until))

    def last_between(self, after: datetime, until: datetime, n: int) -> Tail:
        """The last `n` instants in (after, until], and what is known of the others without listing them."""
        start, end = self._range(after, until)
        found: list[int] = []
        while len(found) < n and (at := self.source.last(start, end)) is not None:
            found.append(at)
            end = at
        earlier_first, earlier_last = self.source.first(start, end), self.source.last(start, end)
        count = self.source.count(start, end)
        return Tail(
            [instant(at) for at in reversed(found)], count, _datetime(earlier_first), _datetime(earlier_last)
        )

    def stretches(self, after: datetime, until: datetime) -> list[Stretch]:
        """All instants in (after, until], by the text that excludes them."""
        found = []
        for start, end, rule in self._pieces(*self._range(after, until)):
            first, last = self.source.first(start, end), self.source.last(start, end)
            if first is not None and last is not None:
                found.append((rule, first, last))
        return [self._stretch(list(group)) for _, group in groupby(found, key=itemgetter(0))]

    def excluded(self, at: datetime) -> str | None:
        """The text that excludes the local date of an instant; None if none does."""
        return self._rule(micros(at))

    def period(self) -> timedelta | None:
        """The most common distance between two instants, of equally common ones the shortest.

        An estimate from a few dozen instants; None when there are not even two.
        """
        begin = instant((self.begin if self.begin > BEGIN else _SAMPLE) - 1)
        distances = Counter(
            later - at for at, later in pairwise(self.between(begin, instant(self.end), _SAMPLES))
        )
        return min(distances, key=lambda each: (-distances[each], each), default=None)

    # --- In microseconds ---

    def _first(self, start: int) -> int | None:
        return self.source.first(max(start, self.begin), self.end)

    def _range(self, after: datetime, until: datetime) -> tuple[int, int]:
        start, end = max(micros(after) + 1, self.begin), min(micros(until) + 1, self.end)
        return start, max(start, end)

    def _stretch(self, group: list[tuple[str | None, int, int]]) -> Stretch:
        (rule, first, _), (_, _, last) = group[0], group[-1]
        return Stretch(instant(first), instant(last), self.source.count(first, last + 1), rule)

    # --- Local dates ---

    def _rule(self, at: int) -> str | None:
        if not self.exclusions:
            return None
        second = at // SECOND
        return self.exclusions.rule((second + offset(self.zone, second)) // DAY + _EPOCH_DAY)

    def _end_of_rest(self, at: int) -> int:
        """When the first local date begins that is not excluded."""
        return next((start for start, _, rule in self._dates(at, at + _FAR) if rule is None), END)

    def _pieces(self, start: int, end: int) -> Iterator[_Piece]:
        """[start, end) cut where the text that excludes the local date changes."""
        if not self.exclusions:
            yield start, end, None
            return
        for rule, group in groupby(self._dates(start, end), key=itemgetter(2)):
            dates = list(group)
            yield dates[0][0], dates[-1][1], rule

    def _dates(self, start: int, end: int) -> Iterator[_Piece]:
        """[start, end) cut at each local midnight."""
        for begin, stop, ahead in offsets(self.zone, start // SECOND, -(-end // SECOND)):
            at = begin
            while at < stop:
                day = (at + ahead) // DAY
                midnight = min(stop, (day + 1) * DAY - ahead)
                yield (
                    max(start, at * SECOND),
                    min(end, midnight * SECOND),
                    self.exclusions.rule(day + _EPOCH_DAY),
                )
                at = midnight


def _datetime(at: int | None) -> datetime | None:
    return None if at is None else instant(at)
