"""Which instants of a schedule that have passed are to be run after all, and how the ledger takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hourhand.errors import BadSchedule
from hourhand.records import ScheduleRecord
from hourhand.timetable import Timetable

if TYPE_CHECKING:
    from hourhand.caller import Caller

MOST = 10_000
"""Instants that one backfill runs."""

A_CALL = 1000
TICK = timedelta(microseconds=1)
_RAN = ("fired", "backfilled")

Told = Callable[[int], None]
"""Hears how many of the instants are done."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An instant to run, with its neighbours. `before` it so many of its stretch stay as they are."""

    at: datetime
    previous: datetime | None
    next: datetime | None
    before: int

    def as_json(self) -> dict[str, Any]:
        around = {"previous": self.previous, "next": self.next}
        return {
            "at": self.at.isoformat(),
            "before": self.before,
            **{name: at.isoformat() for name, at in around.items() if at is not None},
        }


@dataclass(slots=True)
class Plan:
    """What a backfill is going to do: `gaps` are run; the others ran before, or are excluded.

    From `undecided` on the scheduler has still to decide, None if it has nothing to.
    """

    schedule: str
    gaps: list[Gap] = field(default_factory=list)
    ran: int = 0
    excluded: int = 0
    undecided: datetime | None = None

    @property
    def instants(self) -> Sequence[datetime]:
        return [gap.at for gap in self.gaps]


def plan(caller: Caller, name: str, start: datetime, end: datetime, limit: int | None = None) -> Plan:
    """The instants in [start, end] that did not run, the oldest first, at most `limit`.

    Raises NotFound, and BadSchedule also for a time that ends before it begins, or that has more than 10 000
    of them and no limit.
    """
    if start > end:
        raise BadSchedule(
            f"the time to backfill would end at {end:%Y-%m-%d %H:%M} before it begins", "Swap the two."
        )
    schedule = ScheduleRecord.model_validate(caller.call("get_schedule", p_schedule=name))
    row = schedule.model_dump(mode="json")
    if row.get("rank_intervals") is not None:
        raise BadSchedule(
            f"{schedule.name} is a fleet: its items are due on their own", "See `hourhand fleet`."
        )
    found = Plan(schedule.name)
    end = min(end, caller.now())
    if schedule.is_active and schedule.error is None and schedule.next_run_at and schedule.next_run_at <= end:
        found.undecided = schedule.next_run_at
        end = schedule.next_run_at - TICK
    timetable = Timetable.of(row, caller.settings.cron_timezone)
    _fill(found, timetable, Ledger(caller, schedule.name, start, end), (start, end), limit)
    return found


def run(caller: Caller, plan: Plan, told: Told = lambda _: None) -> list[int]:
    """Enqueue the runs of a plan; the ids of those that were made. Raises Conflict and TransportErrors."""
    made: list[int] = []
    for begin in range(0, len(plan.gaps), A_CALL):
        chunk = plan.gaps[begin : begin + A_CALL]
        answer = caller.call(
            "backfill",
            p_schedule=plan.schedule,
            p_instants=[gap.as_json() for gap in chunk],
            p_request_id=uuid4(),
        )
        made += [one["id"] for one in answer["runs"] if one["outcome"] == "created"]
        told(begin + len(chunk))
    return made


class Ledger:
    """The rows of a time, read in pages as they are asked for. Instants have to be asked for in order."""

    def __init__(self, caller: Caller, schedule: str, start: datetime, end: datetime) -> None:
        self._page = partial(
            caller.call, "list_firings", p_schedule=schedule, p_from=start, p_until=end, p_limit=A_CALL
        )
        self._rows = self._read()
        self._row = next(self._rows, None)

    def row(self, at: datetime) -> Mapping[str, Any] | None:
        """What was decided about this instant, alone or as one of a stretch."""
        while self._row is not None and _end(self._row) < at:
            self._row = next(self._rows, None)
        return self._row if self._row is not None and _instant(self._row["scheduled_for"]) <= at else None

    def _read(self) -> Iterator[Mapping[str, Any]]:
        after = None
        while True:
            page = self._page(p_after=after)
            yield from page["firings"]
            after = page["more"]
            if after is None:
                return


def _fill(
    found: Plan, timetable: Timetable, ledger: Ledger, span: tuple[datetime, datetime], limit: int | None
) -> None:
    stretch, left = None, 0  # the row that the last instant lies in, and how many of it stay as they are
    for previous, at, following in _triples(timetable, *span):
        row = ledger.row(at)
        if row is not stretch:
            stretch = row
            left = (
                0
                if row is None
                else timetable.count_between(_instant(row["scheduled_for"]) - TICK, at - TICK)
            )
        if row is not None and row["decision"] in _RAN:
            found.ran += 1
        elif timetable.excluded(at):
            found.excluded += 1
            left += 1
        else:
            found.gaps.append(Gap(at, previous, following, left))
            left = 0
        if len(found.gaps) == limit:
            return
        if len(found.gaps) > MOST:
            raise BadSchedule(
                f"more than {MOST} firings of {found.schedule} did not run in this time",
                "Choose a shorter time, or take the oldest with a limit.",
            )


def _triples(
    timetable: Timetable, start: datetime, end: datetime
) -> Iterator[tuple[datetime | None, datetime, datetime | None]]:
    """Each instant in [start, end] with its neighbours."""
    last = timetable.last_between(start - timedelta(days=3660), start - TICK, 1).last
    previous = last[0] if last else None
    at = timetable.next(start - TICK)
    while at is not None and at <= end:
        following = timetable.next(at)
        yield previous, at, following
        previous, at = at, following


def _end(row: Mapping[str, Any]) -> datetime:
    return _instant(row["scheduled_until"] or row["scheduled_for"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
