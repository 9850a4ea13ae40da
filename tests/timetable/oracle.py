"""A cron daemon in slow motion: it looks at every minute, and shares nothing with the timetable.

The part about clock changes follows the main loop of Debian's cron(8): a *virtual* clock follows the local one.
When the local clock jumps ahead, fixed jobs run for every virtual minute that was passed over; when it jumps back,
only wildcard jobs run until it has caught up; a jump by more than three hours sets the virtual clock.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
LARGEST_JUMP = 180

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def wall(*parts: int) -> datetime:
    """What a clock on the wall shows."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


EPOCH = wall(1970, 1, 1)


@dataclass
class Job:
    """One expression of five fields, asked minute by minute. Days and times of day are remembered."""

    expression: str
    fields: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.fields = self.expression.lower().split()
        assert len(self.fields) == 5
        self.fixed = not (self.fields[0].startswith("*") or self.fields[1].startswith("*"))
        self.matches_time = cache(self._matches_time)
        self.matches_date = cache(self._matches_date)

    def matches(self, local: datetime) -> bool:
        return self.matches_time(local.hour * 60 + local.minute) and self.matches_date(local.toordinal())

    def _matches_time(self, minute: int) -> bool:
        return _listed(self.fields[0], minute % 60, 0, 59) and _listed(self.fields[1], minute // 60, 0, 23)

    def _matches_date(self, ordinal: int) -> bool:
        day = datetime.fromordinal(ordinal)
        _, _, numbers, months, weekdays = self.fields
        for n, name in enumerate(MONTHS, 1):
            months = months.replace(name, str(n))
        if not _listed(months, day.month, 1, 12):
            return False
        number = any(_is_day(piece, day) for piece in numbers.split(","))
        weekday = any(_is_weekday(piece, day) for piece in weekdays.split(","))
        if numbers[0] in "*?" or weekdays[0] in "*?":
            return number and weekday
        return number or weekday


def _listed(text: str, value: int, low: int, high: int) -> bool:
    return any(_in_range(piece, value, low, high) for piece in text.split(","))


def _in_range(piece: str, value: int, low: int, high: int) -> bool:
    """Walk from the first value to the last, step by step, round the end if need be."""
    base, _, step = piece.partition("/")
    if base in "*?":
        first, last = low, high
    elif "-" in base:
        first, last = map(int, base.split("-"))
    else:
        first, last = int(base), high if step else int(base)
    at, distance = first, (last - first) % (high - low + 1)
    for passed in range(distance + 1):
        if passed % int(step or 1) == 0 and at == value:
            return True
        at = low if at == high else at + 1
    return False


def _is_day(piece: str, day: datetime) -> bool:
    last = monthrange(day.year, day.month)[1]
    if piece == "l":
        return day.day == last
    if "w" in piece:
        wanted = last if "l" in piece else min(int(piece.strip("w")), last)
        return day.day == _closest_workday(day.replace(day=wanted)).day
    return _in_range(piece, day.day, 1, 31)


def _closest_workday(day: datetime) -> datetime:
    for distance in (0, -1, 1, -2, 2):
        other = day + timedelta(days=distance)
        if other.month == day.month and other.weekday() < 5:
            return other
    raise AssertionError


def _is_weekday(piece: str, day: datetime) -> bool:
    for n, name in enumerate(WEEKDAYS):
        piece = piece.replace(name, str(n))
    weekday = day.isoweekday() % 7
    if "#" in piece:
        wanted, nth = piece.split("#")
        return _is_weekday(wanted, day) and (day.day - 1) // 7 + 1 == int(nth)
    if "l" in piece:
        return _is_weekday(piece.strip("l"), day) and (day + timedelta(days=7)).month != day.month
    if piece.endswith("-7"):
        return weekday == 0 or _is_weekday(f"{piece[0]}-6", day)
    return _in_range("0" if piece == "7" else piece, weekday, 0, 6)


# --- The daemon ---


def local_minutes(zone: ZoneInfo, start: datetime, count: int) -> list[tuple[datetime, datetime]]:
    """`count` minutes from `start` (UTC), each with what the local clock shows."""
    minutes = [start + n * MINUTE for n in range(count)]
    return [(at, at.astimezone(zone).replace(tzinfo=None, fold=0)) for at in minutes]


def firings(
    jobs: list[Job], minutes: list[tuple[datetime, datetime]], gap: str = "run_after", overlap: str = "first"
) -> list[datetime]:
    """When any of the jobs fires. The first few hours only set the virtual clock: leave them out of account."""
    return sorted({at for job in jobs for at in _run(job, minutes, gap, overlap)})


def _run(job: Job, minutes: list[tuple[datetime, datetime]], gap: str, overlap: str) -> Iterator[datetime]:
    virtual = _number(minutes[0][1]) - 1
    repeated = _repeated_later(minutes) if overlap == "last" else frozenset()
    for at, local in minutes:
        now = _number(local)
        passed, back = now - virtual - 1, virtual + 1 - now
        if 0 < passed <= LARGEST_JUMP:
            missed = (EPOCH + n * MINUTE for n in range(virtual + 1, now))
            if job.matches(local) or (job.fixed and gap == "run_after" and any(map(job.matches, missed))):
                yield at
            virtual = now
        elif 0 < back <= LARGEST_JUMP:
            if job.matches(local) and (not job.fixed or overlap != "first"):
                yield at
        else:
            if job.matches(local) and not (job.fixed and at in repeated):
                yield at
            virtual = now


def _number(local: datetime) -> int:
    return (local - EPOCH) // MINUTE


def _repeated_later(minutes: list[tuple[datetime, datetime]]) -> frozenset[datetime]:
    """Minutes whose local time comes again, not more than three hours later."""
    last_seen: dict[datetime, datetime] = {local: at for at, local in minutes}
    return frozenset(
        at for at, local in minutes if timedelta(0) < last_seen[local] - at <= LARGEST_JUMP * MINUTE
    )


def changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The first minutes with another offset than the minute before."""
    found = []
    step, at = timedelta(hours=12), start
    while at < end:
        later = at + step
        if _offset(zone, at) != _offset(zone, later):
            minute = at
            while _offset(zone, minute) == _offset(zone, at):
                minute += MINUTE
            found.append(minute)
        at = later
    return found


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
