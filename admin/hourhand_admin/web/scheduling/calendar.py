"""Past and planned firings by day or hour, in one zone."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Literal
from zoneinfo import ZoneInfo

from markupsafe import Markup

from hourhand.errors import BadSchedule
from hourhand.timetable import Timetable
from hourhand_admin.web.look.times import instant

Row = Mapping[str, Any]
View = Literal["month", "week", "day"]

VIEWS: tuple[View, ...] = ("month", "week", "day")
_VIEWS: Mapping[str, View] = {view: view for view in VIEWS}
_GROUPS = {
    "fired": "ran", "backfilled": "ran", "missed": "missed", "expired": "missed", "coalesced": "skipped",
    "skipped_overlap": "skipped", "paused": "rested", "excluded": "rested",
}  # fmt: skip
GROUPS = ("ran", "missed", "skipped", "rested", "planned")
_FIRST, _LAST = date(1971, 1, 1), date(9000, 1, 1)
_TICK = timedelta(microseconds=1)
_WIDTH = 100


@dataclass(slots=True)
class Cell:
    """One day, or one hour of a day; `counts` are by group."""

    begin: datetime
    end: datetime
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def day(self) -> date:
        return self.begin.date()

    @property
    def bar(self) -> Markup:
        """How the firings are made up; each group is to be seen, however small it is."""
        total = sum(self.counts.values())
        x, parts = 0.0, []
        for group in GROUPS:
            if count := self.counts.get(group):
                width = max(4.0, count / total * _WIDTH)
                parts.append(
                    Markup('<rect class="g-{}" x="{:.1f}" width="{:.1f}" height="6"/>').format(
                        group, x, width
                    )
                )
                x += width
        return Markup(
            '<svg class="share" viewBox="0 0 {:.0f} 6" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
        ).format(max(x, _WIDTH), Markup().join(parts))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The cells of a view; `first` is the day that was asked for, in its zone."""

    view: View
    first: date
    zone: str
    cells: list[Cell]

    @property
    def begin(self) -> datetime:
        return self.cells[0].begin

    @property
    def end(self) -> datetime:
        return self.cells[-1].end

    @property
    def before(self) -> date:
        return {
            "month": self.first.replace(day=1) - timedelta(days=1),
            "week": self.first - timedelta(days=7),
        }.get(self.view, self.first - timedelta(days=1))

    @property
    def after(self) -> date:
        next_month = self.first.replace(day=28) + timedelta(days=4)
        return {"month": next_month.replace(day=1), "week": self.first + timedelta(days=7)}.get(
            self.view, self.first + timedelta(days=1)
        )

    @property
    def title(self) -> str:
        if self.view == "month":
            return f"{self.first:%B %Y}"
        if self.view == "week":
            return f"{self.cells[0].day:%d %b} – {self.cells[-1].day:%d %b %Y}"
        return f"{self.first:%A, %d %B %Y}"


def calendar(view: str, day: str, zone: str, now: datetime) -> Calendar:
    """An empty one; what is no day or view is today, or the month."""
    chosen: View = _VIEWS.get(view, "month")
    place = ZoneInfo(zone)
    first = _day(day) or now.astimezone(place).date()
    if chosen == "day":
        return Calendar(chosen, first, zone, list(_hours(first, place)))
    begin = first.replace(day=1) if chosen == "month" else first
    begin -= timedelta(days=begin.weekday())
    count = 7
    if chosen == "month":
        last = first.replace(day=28) + timedelta(days=4)
        last -= timedelta(days=last.day)
        count = -(-((last - begin).days + 1) // 7) * 7
    days = [begin + timedelta(days=n) for n in range(count)]
    return Calendar(
        chosen,
        first,
        zone,
        [Cell(_midnight(each, place), _midnight(each + timedelta(days=1), place)) for each in days],
    )


def fill(
    empty: Calendar, firings: Sequence[Row], schedules: Sequence[Row], default_zone: str, now: datetime
) -> None:
    """Put in what was decided, and what is planned from now on."""
    by_local = {cell.begin.replace(tzinfo=None): cell for cell in empty.cells}
    for row in firings:
        cell = by_local.get(datetime.fromisoformat(row["at"]))
        if cell is not None:
            cell.counts[_GROUPS.get(row["decision"], "skipped")] += int(row["count"])
    for schedule in schedules:
        _plan(empty, schedule, default_zone, now)


def planned(
    empty: Calendar, schedules: Sequence[Row], default_zone: str, now: datetime, most: int
) -> list[tuple[datetime, str]]:
    """The first firings that are planned in the time shown, with the names of their schedules."""
    lists = []
    for schedule in schedules:
        after = max(_start(schedule, now), empty.begin - _TICK)
        try:
            timetable = Timetable.of(schedule, default_zone)
        except BadSchedule:
            continue
        lists.append((at, schedule["name"]) for at in _instants(timetable, after, empty.end, most))
    return list(islice(heapq.merge(*lists), most))


def _plan(empty: Calendar, schedule: Row, default_zone: str, now: datetime) -> None:
    start = _start(schedule, now)
    left = schedule["runs_left"]
    try:
        timetable = Timetable.of(schedule, default_zone)
    except BadSchedule:  # its own page says so
        return
    for cell in empty.cells:
        begin, end = max(cell.begin - _TICK, start), cell.end - _TICK
        if begin >= end:
            continue
        count = _count(timetable, begin, end)
        if left is not None:
            count = min(count, left)
            left -= count
        if count:
            cell.counts["planned"] += count


def _count(timetable: Timetable, begin: datetime, end: datetime) -> int:
    if not timetable.exclusions:
        return timetable.count_between(begin, end)
    return sum(each.count for each in timetable.stretches(begin, end) if each.excluded is None)


def _instants(timetable: Timetable, after: datetime, end: datetime, most: int) -> Iterator[datetime]:
    for _ in range(most):
        at = timetable.next_included(after)
        if at is None or at >= end:
            return
        yield at
        after = at


def _start(schedule: Row, now: datetime) -> datetime:
    return max(now, instant(schedule["paused_until"]) or now)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST < day < _LAST else None


def _midnight(day: date, place: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), place)


def _hours(day: date, place: ZoneInfo) -> Iterator[Cell]:
    """The hours as the clocks show them: a repeated one is one cell, of two hours."""
    end = _midnight(day + timedelta(days=1), place)
    at = _midnight(day, place).astimezone(UTC)
    hours: list[datetime] = []
    while at < end:
        local = at.astimezone(place).replace(minute=0, fold=0)
        if not hours or local.replace(tzinfo=None) != hours[-1].replace(tzinfo=None):
            hours.append(local)
        at += timedelta(hours=1)
    yield from (Cell(begin, stop) for begin, stop in zip(hours, [*hours[1:], end], strict=True))
