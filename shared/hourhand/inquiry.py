"""`client.schedules.why`: which instants are meant, and what happened at each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from hourhand.errors import BadSchedule
from hourhand.explanation import FAR, Explanation, explain
from hourhand.facts import Facts, instant
from hourhand.timetable.wall import wall

if TYPE_CHECKING:
    from hourhand.caller import Caller

LAST = 3
"""How many of the last instants are told about when none is asked for."""


def why(caller: Caller, name: str, at: datetime | None) -> list[Explanation]:
    if at is None:
        return [_explained(caller, name, each) for each in _around_now(_facts(caller, name, None))]
    if at.tzinfo is not None:
        return [_explained(caller, name, at)]
    meant = wall(at, _facts(caller, name, None).timezone)
    return [_noted(_explained(caller, name, each), meant.note) for each in meant.instants]


def _explained(caller: Caller, name: str, at: datetime) -> Explanation:
    return explain(_facts(caller, name, at), caller.settings.retention_days)


def _facts(caller: Caller, name: str, at: datetime | None) -> Facts:
    answer = caller.call("explain_firing", p_schedule=str(name), p_at=at)
    return Facts(answer, caller.settings.cron_timezone)


def _around_now(facts: Facts) -> Iterator[datetime]:
    """The last instants and the next; now, when there is none or the timing is broken."""
    created = instant(facts.schedule["created_at"])
    try:
        last = facts.timetable.last_between(max(created, facts.now - FAR), facts.now, LAST).last
        following = facts.timetable.next(facts.now)
    except BadSchedule:
        last, following = [], None
    found = [*last, *([following] if following else [])]
    yield from found or [facts.now]


def _noted(explanation: Explanation, note: str | None) -> Explanation:
    return replace(explanation, text=f"{note} {explanation.text}") if note else explanation
