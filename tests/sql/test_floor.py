"""A claim under a held snapshot begins where the last one ended, and yet nothing is ever left behind."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]


def floor(sql: Sql, until: str) -> dict[str, str]:
    """A floor above everything that waits now."""
    rows = sql(
        "select jsonb_build_object('claim_at', hourhand.clock(), 'until', hourhand.clock() + %s::interval)",
        until,
    )
    found: dict[str, str] = rows[0][0]
    return found


def test_without_dead_entries_there_is_no_floor(hand: Hands, enqueue: Enqueue) -> None:
    enqueue()
    assert hand().claim()["floor"] is None


def test_what_appears_below_the_floor_is_found_when_it_ends(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    old, high = enqueue(run_at="2026-01-01T00:00:00Z"), enqueue(priority=100)
    worker = hand()
    low_water = floor(sql, "5 seconds")
    answer = worker.claim(p_floor=low_water)
    assert answer["runs"] == []
    assert answer["next_at"] == answer["floor"]["until"] == low_water["until"], "the worker comes back then"
    assert [run["id"] for run in worker.runs(p_floor=floor(sql, "-1 seconds"))] == [old, high]


def test_no_floor_holds_longer_than_ten_seconds_whatever_a_worker_says(
    hand: Hands, enqueue: Enqueue, sql: Sql
) -> None:
    enqueue()
    assert len(hand().runs(p_floor=floor(sql, "11 seconds"))) == 1


def test_limits_are_read_from_their_beginning(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    enqueue()
    assert len(hand("task", concurrency=5).runs(p_floor=floor(sql, "5 seconds"))) == 1


@pytest.mark.parametrize("tasks", [["task"], ["task", "other"]])
def test_a_held_snapshot_slows_no_claim_and_loses_no_run(
    hand: Hands,
    transport: PostgresTransport,
    connect: Callable[..., psycopg.Connection[Any]],
    sql: Sql,
    tasks: list[str],
) -> None:
    jobs = [{"task": tasks[n % len(tasks)], "priority": n % 3} for n in range(5000)]
    transport.call("enqueue_many", {"p_jobs": jobs})
    holder = connect(autocommit=False)
    holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    holder.execute("select count(*) from hourhand.queues")
    worker = hand(*tasks)
    low_water, claimed, turns = None, 0, 0
    while claimed < 5002 and turns < 200:
        answer = worker.claim(500, **({"p_floor": low_water} if low_water else {}))
        worker.finish(*answer["runs"])
        low_water = answer["floor"]
        claimed += len(answer["runs"])
        turns += 1
        if claimed == 5000 and low_water is not None:
            # One of high priority and one that is old come below the floor; then the floor's time is over.
            late = [{"task": "task", "priority": 100}, {"task": "task", "run_at": "2026-01-01T00:00:00Z"}]
            transport.call("enqueue_many", {"p_jobs": late})
            # However long that took on a busy machine.
            lasting = {**low_water, "until": floor(sql, "9 seconds")["until"]}
            assert worker.claim(500, p_floor=lasting)["runs"] == []
            low_water = {**low_water, "until": answer["now"]}
    assert turns < 20, "each claim was full"
    assert sql("select status, count(*) from hourhand.job_runs group by 1") == [("completed", 5002)]
