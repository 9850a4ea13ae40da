"""The scheduler's steps against a real database."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourhand import log
from hourhand.errors import Unavailable
from hourhand.settings import Settings
from hourhand.testing import DatabaseClock
from hourhand.transport import Transport
from hourhand.transport.postgres import PostgresTransport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session
from hourhand_scheduler.upkeep import Upkeep
from tests.scheduler.conftest import Insert, Sql, make_scheduler
from tests.support import eventually
from tests.support.proxy import proxy

SECOND = timedelta(seconds=1)
Ledger = Callable[[int], list[tuple[str, datetime, int]]]


class Wire:
    """A transport that tells what was called, and what may go wrong on the way there and back."""

    name = "wire"

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str, Any], Any] = lambda _, answer: answer

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        self.calls[function] += 1
        self.before(function)
        return self.after(function, self.transport.call(function, params, retry=retry))

    def listen(self, *_: object) -> None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture
def wire(transport: Transport) -> Wire:
    return Wire(transport)


def runs(sql: Sql) -> int:
    ((count,),) = sql("select count(*) from hourhand.job_runs")
    return int(count)


def test_a_new_schedule_gets_its_next_instant_and_does_not_run(
    scheduler: Scheduler, insert: Insert, sql: Sql
) -> None:
    id_ = insert(cron="0 0 * * *")
    scheduler.finish()
    ((at, timezone, ahead),) = sql(
        "select next_run_at, timezone, next_run_at > now() from hourhand.scheduled_jobs where id = %s", id_
    )
    assert (at.hour, timezone, ahead, runs(sql)) == (0, "UTC", True, 0)


def test_the_default_timezone_is_written_into_the_row(
    transport: Transport, settings: Settings, insert: Insert, sql: Sql
) -> None:
    insert(cron="0 12 1 1 *")
    make_scheduler(transport, settings.model_copy(update={"cron_timezone": "Asia/Tokyo"})).finish()
    ((timezone, at),) = sql("select timezone, next_run_at at time zone 'UTC' from hourhand.scheduled_jobs")
    assert (timezone, at.hour) == ("Asia/Tokyo", 3)


def test_a_due_schedule_becomes_one_run(
    scheduler: Scheduler, insert: Insert, ledger: Ledger, sql: Sql
) -> None:
    id_ = insert(due=SECOND, payload='{"limit": 5}')
    scheduler.finish()
    ((schedule, payload, trigger, waits),) = sql(
        "select schedule_id, payload, trigger, run_at = scheduled_for from hourhand.job_runs"
    )
    assert (schedule, payload, trigger, waits) == (id_, {"limit": 5}, "schedule", True)
    assert [decision for decision, _, _ in ledger(id_)] == ["fired"]


def test_everything_that_is_due_is_read_and_fired_in_batches(
    wire: Wire, settings: Settings, insert: Insert, sql: Sql
) -> None:
    for number in range(60):
        insert(f"s{number}", due=SECOND)
    insert("later", due=-timedelta(hours=1))
    make_scheduler(wire, settings.model_copy(update={"scheduler_batch": 25})).finish()
    assert runs(sql) == 60
    assert wire.calls["due_schedules"] == wire.calls["fire"] == 3


def test_a_schedule_that_cannot_be_planned_is_set_aside_and_stops_no_other(
    scheduler: Scheduler, insert: Insert, sql: Sql
) -> None:
    bad = [
        insert("cron", cron="nonsense"),
        insert("zone", timezone="Nowhere/Land"),
        insert("excluded", exclude="[7]"),
    ]
    bad.append(insert("due", cron="61 * * * *", due=SECOND))
    insert("good", due=SECOND)
    scheduler.finish()
    errors = dict(sql("select id, error from hourhand.scheduled_jobs where error is not null"))
    assert sorted(errors) == bad
    assert "nonsense" in errors[bad[0]]
    assert "Nowhere/Land" in errors[bad[1]]
    assert runs(sql) == 1


def test_a_mended_schedule_is_planned_again(scheduler: Scheduler, insert: Insert, sql: Sql) -> None:
    insert(cron="nonsense")
    scheduler.finish()
    sql("update hourhand.scheduled_jobs set cron = '0 0 * * *'")
    scheduler.look_again()
    eventually(
        lambda: (
            scheduler.step() and sql("select 1 from hourhand.scheduled_jobs where next_run_at is not null")
        )
    )


def test_an_edit_between_reading_and_firing_loses_cleanly(
    wire: Wire, settings: Settings, insert: Insert, sql: Sql
) -> None:
    insert(due=SECOND)

    def edit(function: str) -> None:
        if function == "fire" and wire.calls["fire"] == 1:
            sql("update hourhand.scheduled_jobs set cron = '0 6 1 1 *'")

    wire.before = edit
    scheduler = make_scheduler(wire, settings)
    scheduler.finish()
    assert runs(sql) == 0
    eventually(
        lambda: (
            scheduler.step() and sql("select 1 from hourhand.scheduled_jobs where next_run_at is not null")
        )
    )
    assert runs(sql) == 0


def test_changes_are_seen_while_there_is_more_to_fire_than_time_for_it(
    wire: Wire, settings: Settings, insert: Insert, sql: Sql, database_url: str
) -> None:
    insert("busy", every=SECOND)
    scheduler = make_scheduler(wire, settings)
    with DatabaseClock(database_url) as clock:
        wire.before = lambda _: clock.advance(10 * SECOND)
        while wire.calls["fire"] < 3:
            assert scheduler.step() == 0
        insert("new")
        scheduler.look_again()
        planned = "select 1 from hourhand.scheduled_jobs where name = 'new' and next_run_at is not null"
        eventually(lambda: (scheduler.step(), sql(planned))[1], interval=0.001)


def test_a_policy_that_was_changed_since_it_was_read_counts(
    scheduler: Scheduler, insert: Insert, ledger: Ledger, sql: Sql
) -> None:
    """As for a scheduler on a machine that slept meanwhile. What is due stays due."""
    anchor = datetime.now(UTC) - timedelta(minutes=5)
    id_ = insert(every=timedelta(minutes=10), anchor=anchor, due=timedelta(minutes=33), catch_up="all")
    scheduler.step()  # it has read
    sql("update hourhand.scheduled_jobs set catch_up = 'skip'")
    eventually(lambda: scheduler.step() and ledger(id_))
    assert [(decision, count) for decision, _, count in ledger(id_)] == [("missed", 4)]


def test_a_deleted_schedule_is_forgotten(wire: Wire, settings: Settings, insert: Insert, sql: Sql) -> None:
    insert(due=SECOND)
    wire.before = lambda function: (
        sql("delete from hourhand.scheduled_jobs") and None if function == "fire" else None
    )
    make_scheduler(wire, settings).finish()
    assert (runs(sql), wire.calls["fire"]) == (0, 1)


def test_a_lost_answer_doubles_nothing(
    wire: Wire, settings: Settings, insert: Insert, ledger: Ledger, sql: Sql
) -> None:
    id_ = insert(due=SECOND)

    def lose(function: str, answer: Any) -> Any:
        if function == "fire" and wire.calls["fire"] == 1:
            raise Unavailable("the connection broke")
        return answer

    wire.after = lose
    scheduler = make_scheduler(wire, settings)
    with pytest.raises(Unavailable):
        scheduler.finish()
    scheduler.finish()
    assert (runs(sql), len(ledger(id_))) == (1, 1)


def test_what_could_not_be_fired_is_fired_with_the_next_step(
    wire: Wire, settings: Settings, insert: Insert, sql: Sql
) -> None:
    insert(due=SECOND)

    def break_off(function: str) -> None:
        if function == "fire" and wire.calls["fire"] == 1:
            raise Unavailable("the connection broke")

    wire.before = break_off
    scheduler = make_scheduler(wire, settings)
    with pytest.raises(Unavailable):
        scheduler.finish()
    scheduler.finish()
    assert runs(sql) == 1


def test_the_same_call_repeated_fires_once(
    wire: Wire, settings: Settings, transport: Transport, insert: Insert, sql: Sql
) -> None:
    insert(due=SECOND)
    answers: list[Any] = []

    def call(function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        if function == "fire":
            answers.append(transport.call(function, params))
        return transport.call(function, params)

    wire.call = call  # type: ignore[method-assign]
    make_scheduler(wire, settings).finish()
    assert answers[0]["results"][0]["outcome"] == "fired"
    assert runs(sql) == 1


def test_a_firing_whose_answer_was_lost_on_the_way_is_told_once(
    database_url: str, settings: Settings, insert: Insert, sql: Sql
) -> None:
    """The transport repeats the call; the scheduler hears the answer as if nothing had been."""
    id_ = insert(due=SECOND)
    with proxy(database_url) as network, log.captured() as lines:
        transport = PostgresTransport(network.url, application_name="hourhand-tests", patience=5.0)
        wire = Wire(transport)
        wire.before = lambda function: network.lose_next_answer() if function == "fire" else None
        make_scheduler(wire, settings).finish()
        transport.close()
    told = [line for line in lines if line.event == "schedule.fired"]
    ((run,),) = sql("select id from hourhand.job_runs where schedule_id = %s", id_)
    assert [line.fields["run_id"] for line in told] == [run]
    assert network.accepted == 2, "the connection had broken"


def test_two_schedulers_with_the_same_agenda_fire_once(
    transport: Transport, settings: Settings, insert: Insert, ledger: Ledger, sql: Sql
) -> None:
    ids = [insert(f"s{number}", due=SECOND, overlap="allow_all") for number in range(20)]
    first, second = (make_scheduler(transport, settings) for _ in range(2))
    assert (first.step(), second.step()) == (0, 0)  # both have read
    first.finish()
    second.finish()
    assert runs(sql) == 20
    assert all([decision for decision, _, _ in ledger(id_)] == ["fired"] for id_ in ids)


def test_a_scheduler_that_lost_takes_over_at_the_next_instant(
    transport: Transport, settings: Settings, insert: Insert, ledger: Ledger
) -> None:
    id_ = insert(every=SECOND, overlap="allow_all", due=timedelta(0))
    winner, loser = (make_scheduler(transport, settings) for _ in range(2))
    assert (winner.step(), loser.step()) == (0, 0)
    winner.finish()
    loser.finish()
    fired = len(ledger(id_))
    eventually(lambda: loser.step() and len(ledger(id_)) > fired, interval=0.05)


def test_a_cursor_set_by_hand_is_followed_once_the_old_one_is_due(
    wire: Wire, settings: Settings, insert: Insert, ledger: Ledger, sql: Sql
) -> None:
    id_ = insert(due=SECOND)
    scheduler = make_scheduler(wire, settings)
    scheduler.step()  # it has read
    sql("update hourhand.scheduled_jobs set next_run_at = next_run_at - interval '1 minute'")
    scheduler.finish()
    assert [decision for decision, _, _ in ledger(id_)] == ["fired"]
    assert (wire.calls["due_schedules"], wire.calls["fire"]) == (1, 2)


@pytest.mark.parametrize("edit", ["next_run_at = null", "error = 'it makes no sense'", "is_active = false"])
def test_what_was_taken_from_the_agenda_meanwhile_waits_for_the_next_look(
    wire: Wire, settings: Settings, insert: Insert, sql: Sql, edit: str
) -> None:
    insert(due=SECOND)
    scheduler = make_scheduler(wire, settings)
    scheduler.step()  # it has read
    sql(f"update hourhand.scheduled_jobs set {edit}")
    scheduler.finish()
    assert (runs(sql), wire.calls["fire"]) == (0, 1)


def test_a_clock_that_runs_ahead_is_corrected_by_the_first_early_answer(
    wire: Wire, settings: Settings, insert: Insert, sql: Sql
) -> None:
    insert(every=SECOND)

    def hurry(function: str, answer: Any) -> Any:
        if wire.calls["fire"] <= 1:  # until it is planned
            answer["now"] = (datetime.fromisoformat(answer["now"]) + timedelta(milliseconds=900)).isoformat()
        return answer

    wire.after = hurry
    scheduler = make_scheduler(wire, settings)
    eventually(lambda: scheduler.step() and runs(sql) == 1)
    assert wire.calls["fire"] <= 4  # the plan, the early one, the right one
    ((lag,),) = sql("select lag_ms from hourhand.schedule_firings")
    assert 0 <= lag < 9000, "not early, and not at the poll"


def test_the_database_clock_counts_and_no_other(scheduler: Scheduler, insert: Insert, sql: Sql) -> None:
    insert(cron="0 0 1 1 *")
    sql(
        "create or replace function hourhand.clock() returns timestamptz language sql volatile set search_path = '' "
        "as $$ select clock_timestamp() - interval '30 years' $$"
    )
    scheduler.finish()
    ((year, now),) = sql(
        "select extract(year from next_run_at)::int, extract(year from now())::int from hourhand.scheduled_jobs"
    )
    assert year == now - 29


def test_a_downtime_is_told_in_the_ledger(scheduler: Scheduler, insert: Insert, sql: Sql) -> None:
    id_ = insert(cron="* * * * *", catch_up="skip", due=timedelta(minutes=30))
    scheduler.finish()
    rows = sql(
        "select decision, count, reason from hourhand.schedule_firings where schedule_id = %s order by scheduled_for",
        id_,
    )
    assert rows[0][0] == "missed"
    assert rows[0][1] in (29, 30)
    assert rows[0][2] == "was not fired on time (catch_up skip)"
    assert rows[1][0] == "fired"


def test_max_runs_ends_the_schedule(scheduler: Scheduler, insert: Insert, ledger: Ledger, sql: Sql) -> None:
    id_ = insert(every=SECOND, max_runs=2, overlap="allow_all")
    eventually(lambda: scheduler.step() and sql("select 1 from hourhand.scheduled_jobs where not is_active"))
    assert [decision for decision, _, _ in ledger(id_)] == ["fired", "fired"]


def test_firing_is_on_time(scheduler: Scheduler, insert: Insert, sql: Sql) -> None:
    """At the default poll of 60 seconds; the bound is loose, benchmarks/lag.py measures."""
    for number in range(10):
        insert(f"s{number}", every=SECOND, overlap="allow_all")
    stop = threading.Event()
    eventually(lambda: stop.wait(min(scheduler.step(), 1)) or runs(sql) >= 40, interval=0)
    lags = [lag for (lag,) in sql("select lag_ms from hourhand.schedule_firings order by 1")]
    assert lags[0] >= 0
    assert lags[len(lags) // 2] <= 500


def test_a_session_that_was_lost_is_followed_by_another(
    transport: Transport, settings: Settings, sql: Sql
) -> None:
    with Session(transport, Journal(), lease=30) as session:
        first = session.id
        upkeep = Upkeep(transport, settings, session)
        assert upkeep.step() == 60
        assert session.id == first
        sql("update hourhand.services set lease_until = now() - interval '1 second'")
        upkeep.step()
        assert session.id != first
    assert sql("select state from hourhand.services where id = %s", session.id) == [("closed",)]
    upkeep.step()  # as when it was under way at the end
    assert sql("select count(*) from hourhand.services where state = 'open' and lease_until > now()") == [
        (0,)
    ]
