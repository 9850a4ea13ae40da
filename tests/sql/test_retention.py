"""Months are made ahead and dropped; what is younger than the retention stays."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.support.waiting import eventually

Sql = Callable[..., list[Any]]


def parts(sql: Sql, stem: str) -> list[str]:
    rows = sql(
        "select relname from pg_class where relnamespace = 'hourhand_parts'::regnamespace and relkind = 'r'"
        " and relname ~ ('^' || %s || '_[0-9]{4}_[0-9]{2}$') order by relname",
        stem,
    )
    return [row[0] for row in rows]


def make_month(sql: Sql, months_ago: int) -> str:
    """A month of history as it would be there if it had been made in its time."""
    (since, until, name) = sql(
        "select m::text, (m + interval '1 month')::text, 'job_runs_' || to_char(m, 'YYYY_MM')"
        " from (select date_trunc('month', hourhand.clock() at time zone 'UTC') - %s * interval '1 month' as m) x",
        months_ago,
    )[0]
    sql(
        f"create table hourhand_parts.{name} partition of hourhand_parts.job_runs_history"
        f" for values from ('{since}+00') to ('{until}+00')"
    )
    return str(name)


def test_this_month_and_three_more_exist_and_making_them_again_changes_nothing(
    sql: Sql, transport: PostgresTransport
) -> None:
    for stem in ("job_runs", "job_run_attempts", "job_run_logs"):
        assert len(parts(sql, stem)) == 4
    assert transport.call("ensure_partitions") == {"made": [], "skipped": []}


def test_a_missing_month_is_made_and_has_row_security(sql: Sql, transport: PostgresTransport) -> None:
    (last,) = parts(sql, "job_runs")[-1:]
    sql(f"drop table hourhand_parts.{last}")
    assert transport.call("ensure_partitions")["made"] == [last]
    assert sql(f"select relrowsecurity from pg_class where oid = 'hourhand_parts.{last}'::regclass") == [
        (True,)
    ]


def test_without_a_partition_for_the_month_finish_still_works(
    sql: Sql, hand: Callable[..., Hand], enqueue: Callable[..., int], transport: PostgresTransport
) -> None:
    this_month = parts(sql, "job_runs")[0]
    sql(f"drop table hourhand_parts.{this_month}")
    enqueue()
    worker = hand()
    assert worker.finish(*worker.runs()) == ["ok"]
    assert this_month in transport.call("ensure_partitions")["skipped"]
    assert sql("select count(*) from hourhand.job_runs where status = 'completed'") == [(1,)]


def test_old_months_are_dropped_and_old_rows_deleted(sql: Sql, transport: PostgresTransport) -> None:
    old, recent = make_month(sql, 4), make_month(sql, 1)
    insert = (
        "insert into hourhand_parts.job_runs_history (id, task, payload, queue, status, run_at, claim_at, max_attempts,"
        " timeout, trigger, created_at, finished_at) select nextval('hourhand.job_runs_id_seq'), 't', '{}', 'q', 'completed', at, at, 4, '1 h',"
        " 'api', at, at from (select hourhand.clock() - %s * interval '1 day' as at) x"
    )
    for days in (115, 29, 3, 0):
        sql(insert, days)
    sql(
        "insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, decided_at) values (1, '2020-01-01', 'fired', '2020-01-01')"
    )
    sql(
        "insert into hourhand.job_run_keys values ('s', 'old', 1, hourhand.clock()), ('s', 'new', 2, hourhand.clock() + interval '1 h')"
    )
    answer = transport.call("prune", {"p_retention_days": 28})
    assert old in answer["dropped"]
    assert recent not in answer["dropped"]
    assert answer["deleted"]["job_runs"] == 1
    assert sql("select count(*) from hourhand.job_runs") == [(2,)]
    assert sql("select count(*) from hourhand.schedule_firings") == [(0,)]
    assert sql("select key from hourhand.job_run_keys") == [("new",)]


def test_a_month_that_somebody_reads_is_left_for_the_next_time(
    sql: Sql, transport: PostgresTransport, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    old = make_month(sql, 4)
    reader = connect(autocommit=False)
    reader.execute("select count(*) from hourhand.job_runs")
    assert transport.call("prune")["dropped"] == []
    reader.rollback()
    assert transport.call("prune")["dropped"] == [old]


@pytest.mark.slow
def test_months_are_dropped_and_rows_deleted_while_workers_claim_and_finish(
    sql: Sql, hand: Callable[..., Hand], transport: PostgresTransport
) -> None:
    """Nobody fails, and nobody waits longer than the lock_timeout of prune and a little."""
    over = threading.Event()
    longest: list[float] = []
    finished: list[int] = []

    def work(worker: Hand) -> None:
        while not over.is_set():
            transport.call("enqueue_payloads", {"p_job": {"task": "task"}, "p_payloads": [{}] * 20})
            started = time.monotonic()
            runs = worker.runs(20)
            assert set(worker.finish(*runs)) <= {"ok"}
            longest.append(time.monotonic() - started)
            finished.append(len(runs))

    def keep_old() -> None:
        sql(
            "insert into hourhand_parts.job_runs_history (id, task, payload, queue, status, run_at, claim_at,"
            " max_attempts, timeout, trigger, created_at, finished_at) select nextval('hourhand.job_runs_id_seq'), 't',"
            " '{}', 'q', 'completed', at, at, 4, '1 h', 'api', at, at from generate_series(1, 500),"
            " (select hourhand.clock() - interval '40 days' as at) t"
        )

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(work, hand()) for _ in range(2)]
        dropped, deleted = 0, 0
        try:
            for _ in range(10):
                make_month(sql, 4)
                keep_old()
                pruned = transport.call("prune", {"p_retention_days": 30, "p_limit": 300})
                dropped += len(pruned["dropped"])
                deleted += pruned["deleted"]["job_runs"]
                sql("drop table if exists hourhand_parts." + next_month(sql))
                transport.call("ensure_partitions")
        finally:
            over.set()
        for each in working:
            each.result()
    assert sum(finished) > 0
    assert (dropped, deleted) > (0, 0)
    # Its own call, one that prune makes it wait for, and what a busy machine takes.
    assert max(longest) < 0.2 * 4 + 2
    assert sql("select count(*) from hourhand.job_runs where status = 'completed' and task = 'task'") == [
        (sum(finished),)
    ]


def next_month(sql: Sql) -> str:
    return parts(sql, "job_runs")[-1]


def test_while_prune_waits_for_a_reader_finish_waits_only_so_long(
    sql: Sql,
    hand: Callable[..., Hand],
    enqueue: Callable[..., int],
    connect: Callable[..., psycopg.Connection],
) -> None:
    make_month(sql, 4)
    enqueue()
    worker = hand()
    runs = worker.runs()
    reader = connect(autocommit=False)
    reader.execute("select count(*) from hourhand.job_runs")
    with ThreadPoolExecutor(2) as pool:
        pruning = pool.submit(worker.transport.call, "prune", {}, retry=False)
        waiting = "select exists (select from pg_locks where mode = 'AccessExclusiveLock' and not granted)"
        eventually(lambda: pruning.done() or sql(waiting)[0][0])
        finishing = pool.submit(worker.finish, *runs)
        try:
            assert finishing.result(5) == ["ok"]
            assert pruning.result(5)["dropped"] == []
        finally:
            reader.rollback()
