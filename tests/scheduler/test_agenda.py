"""The agenda."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hourhand_scheduler.agenda import Agenda
from hourhand_scheduler.schedule import Schedule
from tests.scheduler.rows import row

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def entry(id_: int, seconds: int | None, revision: int = 1) -> Schedule:
    at = None if seconds is None else (NOON + timedelta(seconds=seconds)).isoformat()
    return Schedule.read(row(id=id_, name=f"s{id_}", revision=revision, next_run_at=at), "UTC")


def taken(agenda: Agenda, seconds: int, limit: int = 10) -> list[int]:
    return [schedule.id for schedule in agenda.take(NOON + timedelta(seconds=seconds), limit)]


def test_what_is_due_is_taken_earliest_first_and_once() -> None:
    agenda = Agenda()
    for id_, seconds in [(1, 30), (2, 10), (3, 20), (4, 99)]:
        agenda.put(entry(id_, seconds))
    assert agenda.next_at() == NOON + timedelta(seconds=10)
    assert taken(agenda, 30, limit=2) == [2, 3]
    assert taken(agenda, 30) == [1]
    assert taken(agenda, 30) == []
    assert agenda.next_at() == NOON + timedelta(seconds=99)


def test_schedules_without_an_instant_come_after_those_on_time() -> None:
    agenda = Agenda()
    agenda.put(entry(1, None))
    agenda.put(entry(2, 0))
    assert agenda.has_due(NOON)
    assert taken(agenda, 0) == [2, 1]
    assert not agenda.has_due(NOON)


def test_the_last_put_counts() -> None:
    agenda = Agenda()
    agenda.put(entry(1, 10))
    agenda.put(entry(1, 50))
    assert taken(agenda, 20) == []
    assert taken(agenda, 50) == [1]
    assert len(agenda) == 0


def test_a_reading_drops_what_it_did_not_see() -> None:
    agenda = Agenda()
    for id_ in (1, 2, 3):
        agenda.put(entry(id_, 10))
    agenda.begin()
    agenda.put(entry(2, 10))
    assert taken(agenda, 10, limit=1) == [1]  # due in the middle of a reading: fired all the same
    agenda.complete()
    assert taken(agenda, 10) == [2]


def test_what_is_put_back_during_a_reading_stays() -> None:
    agenda = Agenda()
    agenda.put(entry(1, 10))
    agenda.begin()
    (schedule,) = agenda.take(NOON + timedelta(seconds=10), 10)
    agenda.put(replace(schedule, next_run_at=NOON + timedelta(seconds=70)))
    agenda.complete()
    assert agenda.next_at() == NOON + timedelta(seconds=70)
