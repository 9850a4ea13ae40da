"""What a timing means: in English, its next firings, and what there is to know before it is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from hourhand.timetable import Timetable, describe, dst_notes
from hourhand.timetable.wall import wall
from hourhand_admin.web.look.times import duration, instant, rough

Row = Mapping[str, Any]

FIRINGS = 10
_AHEAD = timedelta(days=400)  # two changes of the clocks, whenever they are
_MOST_NOTES = 6


@dataclass(frozen=True, slots=True)
class Forecast:
    """`firings` are instants in UTC, `notes` sentences about clock changes, `warnings` what may surprise."""

    words: str = ""
    zone: str = "UTC"
    firings: list[datetime] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def rows(self, other: str, now: datetime) -> list[tuple[str, str, str]]:
        """Each firing in its zone and in another, and how long it is until then."""
        return [
            (
                _local(at, self.zone, now),
                _local(at, other or self.zone, now),
                rough((at - now).total_seconds()),
            )
            for at in self.firings
        ]


def forecast(row: Row, default_zone: str, now: datetime, usual: float | None = None) -> Forecast:
    """`usual` is how many seconds a run usually takes. Raises BadSchedule."""
    timetable = Timetable.of(row, default_zone)
    zone = row.get("timezone") or default_zone
    firings = coming(row, timetable, now)
    return Forecast(
        _words(row), zone, firings, list(islice(_notes(row, zone, now), _MOST_NOTES)),
        list(_warnings(row, timetable, firings, usual)),
    )  # fmt: skip


def coming(row: Row, timetable: Timetable, now: datetime, count: int = FIRINGS) -> list[datetime]:
    """The next firings that are not excluded, as far as max_runs and a pause allow."""
    left = row.get("runs_left", row.get("max_runs"))
    start = max(now, instant(row.get("paused_until")) or now)
    return list(islice(_instants(timetable, start), count if left is None else min(count, left)))


def _instants(timetable: Timetable, after: datetime) -> Iterator[datetime]:
    at = timetable.next_included(after)
    while at is not None:
        yield at
        at = timetable.next_included(at)


def _words(row: Row) -> str:
    if row.get("cron"):
        return describe(row["cron"], row.get("name"))
    if row.get("every"):
        return f"Every {duration(row['every'])}"
    return f"Once, at {str(row.get('run_at')).replace('T', ' ')}"


def _notes(row: Row, zone: str, now: datetime) -> Iterator[str]:
    if row.get("cron"):
        gap: Any = row.get("dst_gap") or "run_after"
        overlap: Any = row.get("dst_overlap") or "first"
        for note in dst_notes(row["cron"], zone, now, now + _AHEAD, gap, overlap, name=row.get("name")):
            yield note.text
    elif row.get("run_at") and (told := wall(datetime.fromisoformat(row["run_at"]), zone).note):
        yield told


def _warnings(row: Row, timetable: Timetable, firings: list[datetime], usual: float | None) -> Iterator[str]:
    if not firings:
        yield "It never fires any more."
    period = _period(timetable, firings)
    if usual is not None and period is not None and period < usual:
        yield (
            f"It fires every {duration(period)}, but its runs usually take {duration(usual)}: "
            f"{_OVERLAPS.get(str(row.get('overlap')), _OVERLAPS['skip'])}."
        )
    if (limit := row.get("max_runs")) and limit <= FIRINGS and row.get("runs_left") is None:
        yield f"It fires {limit} times, then no more."


def _period(timetable: Timetable, firings: list[datetime]) -> float | None:
    """The shortest distance of those that come: what counts when runs are slow."""
    found = timetable.period() if len(firings) > 1 else None
    return found.total_seconds() if found else None


_OVERLAPS = {
    "skip": "while one runs, others are skipped",
    "buffer_one": "one waits, the others are skipped",
    "buffer_all": "they wait for each other, and it falls ever further behind",
    "cancel_other": "each one is cancelled by the next",
    "allow_all": "they run side by side",
}


def _local(at: datetime, zone: str, now: datetime) -> str:
    """The year and the seconds only where they say something."""
    local = at.astimezone(ZoneInfo(zone))
    year = " %Y" if local.year != now.astimezone(ZoneInfo(zone)).year else ""
    return local.strftime(f"%a %d %b{year} %H:%M{':%S' if local.second else ''}")
