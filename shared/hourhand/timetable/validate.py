"""May this timing be saved?"""

from collections.abc import Mapping
from datetime import UTC, datetime

from hourhand.timetable.cron import Cron
from hourhand.timetable.instants import BEGIN, END, instant, micros
from hourhand.timetable.once import Once
from hourhand.timetable.refusal import BadTiming
from hourhand.timetable.row import kind
from hourhand.timetable.timetable import Timetable

_SOME_DAY = micros(datetime(2000, 1, 1, tzinfo=UTC))


def validate(
    row: Mapping[str, object], default_timezone: str = "UTC", now: datetime | None = None
) -> Timetable:
    """The timetable of a row that is to be saved. Stricter than `Timetable.of`: it must fire.

    Each of its cron expressions has to fire some day, and the whole at least once that is not excluded;
    after `now`, if that is given. Raises BadSchedule.
    """
    timetable = Timetable.of(row, default_timezone)
    if row.get("anchor") is not None and row.get("every") is None:
        raise BadTiming("anchor is given without every", "only intervals have an anchor", field="anchor")
    start = BEGIN if isinstance(timetable.source, Once) else _SOME_DAY
    start = max(start, timetable.begin, BEGIN if now is None else micros(now) + 1)
    if isinstance(timetable.source, Cron):
        _refuse_idle_expressions(timetable.source, start)
    if timetable.next_included(instant(start - 1)) is None:
        raise _never(timetable, kind(row), start)
    return timetable


def _refuse_idle_expressions(cron: Cron, start: int) -> None:
    for expression, alone in cron.parts():
        if alone.first(start, END) is None:
            hint = "the days, months and weekdays never meet, or clock changes skip each time"
            raise BadTiming(
                f"cron {expression.text!r} never fires", hint, field="cron", position=expression.start
            )


def _never(timetable: Timetable, kind: str, start: int) -> BadTiming:
    first = timetable.source.first(start, END)
    if first is None:
        hint = f"it has passed, lies after 2199, or the clocks in {timetable.zone.key} skip it"
        return BadTiming(f"{kind} never comes", hint, field=kind)
    if first >= timetable.end:
        hint = f"it would fire first at {instant(first):%Y-%m-%d %H:%M:%S} UTC"
        return BadTiming("it never fires before ends_at", hint, field="ends_at")
    return BadTiming("every firing is excluded", "take a text away from exclude", field="exclude")
