"""What clock changes do to a cron expression, date by date."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from hourhand.timetable.clock import DAY, clock
from hourhand.timetable.instants import BEGIN, END, SECOND, instant, micros
from hourhand.timetable.parse import Expression, parse
from hourhand.timetable.row import policy as read_policy
from hourhand.timetable.windows import LARGEST_SHIFT, Gap, Overlap, Policy
from hourhand.timetable.zones import BLOCK, Shift, shifts, zone

_FAR = 50 * 366 * DAY
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class DstNote:
    """Local times of one date that do not exist, or come twice, although `expression` names them.

    `at` is the moment of the change (UTC). The local times in [begin, end) are skipped or repeated;
    `times` are the first few of the `count` that are named. `text` says it all in a sentence.
    """

    kind: Literal["skipped", "repeated"]
    expression: str
    at: datetime
    begin: datetime
    end: datetime
    times: tuple[datetime, ...]
    count: int
    text: str


def dst_notes(
    cron: str,
    timezone: str,
    after: datetime,
    until: datetime,
    dst_gap: Gap = "run_after",
    dst_overlap: Overlap = "first",
    *,
    name: str | None = None,
) -> list[DstNote]:
    """Which firings of `cron` the clock changes in (after, until] touch, at most 50 years ahead.

    What goes by elapsed time in all hours, such as `*/5 * * * *`, is not touched. Raises BadSchedule.
    """
    place, policy = zone(timezone), read_policy({"dst_gap": dst_gap, "dst_overlap": dst_overlap})
    changes = list(_shifts(place, micros(after), micros(until)))
    touched = [each for each in parse(cron, name) if not (each.wildcard and len(each.hours) == 24)]
    found = (_note(each, shift, place, policy) for shift in changes for each in touched)
    return [note for note in found if note is not None]


def _shifts(place: ZoneInfo, after: int, until: int) -> Iterator[Shift]:
    start, end = max(after, BEGIN) // SECOND + 1, min(until, END) // SECOND
    end = min(end, start + _FAR)
    for block in range(start // BLOCK, end // BLOCK + 1):
        yield from (shift for shift in shifts(place, block) if start <= shift.at <= end)


def _note(expression: Expression, shift: Shift, place: ZoneInfo, policy: Policy) -> DstNote | None:
    low, high = sorted((shift.at + shift.before, shift.at + shift.after))
    walk = clock((expression,))
    count = walk.count(low, high)
    if count == 0:
        return None
    times = [walk.first_from(low, high)]
    while len(times) < min(count, _MOST_NAMED) and times[-1] is not None:
        times.append(walk.first_from(times[-1] + 1, high))
    named = tuple(_local(time) for time in times if time is not None)
    skipped = shift.after > shift.before
    event = _skipped(expression, shift, policy) if skipped else _repeated(expression, shift, policy)
    return DstNote(
        kind="skipped" if skipped else "repeated",
        expression=expression.text,
        at=instant(shift.at * SECOND),
        begin=_local(low),
        end=_local(high),
        times=named,
        count=count,
        text=f"{_local(low):%Y-%m-%d} in {place.key}: {_listed(named, count)} {event}",
    )


def _skipped(expression: Expression, shift: Shift, policy: Policy) -> str:
    made_up = not expression.wildcard and policy.made_up(shift) is not None
    outcome = "it fires once, right after the change" if made_up else "it does not fire"
    return f"skipped, as clocks go forward from {_change(shift)}: {outcome}"


def _repeated(expression: Expression, shift: Shift, policy: Policy) -> str:
    rests = not expression.wildcard and policy.silent(shift) is not None
    outcome = f"it fires only the {policy.overlap} time" if rests else "it fires each time"
    return f"repeated, as clocks go back from {_change(shift)}: {outcome}"


def _change(shift: Shift) -> str:
    before, after = _local(shift.at + shift.before), _local(shift.at + shift.after)
    form = "%H:%M" if abs(shift.after - shift.before) <= LARGEST_SHIFT else "%Y-%m-%d %H:%M"
    return f"{before:{form}} to {after:{form}}"


def _listed(times: tuple[datetime, ...], count: int) -> str:
    more = f" and {count - len(times)} more" if count > len(times) else ""
    listed = ", ".join(f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}" for time in times)
    return f"{listed}{more} {'is' if count == 1 else 'are'}"


def _local(seconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001  (a wall time)
