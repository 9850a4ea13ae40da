"""Several scheduler processes at once, killed, stopped and started anew."""

import random
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scheduler.conftest import Insert, Sql, Start, count, stop
from tests.support import eventually
from tests.support.databases import Postgres

SECOND = timedelta(seconds=1)


def alive(sql: Sql) -> set[int]:
    """The processes that have a session."""
    return {
        pid for (pid,) in sql("select pid from hourhand.services where kind = 'scheduler' and state = 'open'")
    }


GAPS = """
    select count(*) from (
      select scheduled_for - lag(scheduled_for) over (partition by schedule_id order by scheduled_for) as step
      from hourhand.schedule_firings
    ) steps where step <> interval '1 second'
"""
DOUBLES = """
    select count(*) from (
      select 1 from hourhand.job_runs group by schedule_id, scheduled_for having count(*) > 1
    ) doubles
"""
UNRUN = """
    select count(*) from hourhand.schedule_firings f where f.decision <> 'fired' or not exists (
      select from hourhand.job_runs r where r.id = f.run_id and r.scheduled_for = f.scheduled_for
    )
"""
UNTOLD = """
    select count(*) from hourhand.job_runs r where not exists (
      select from hourhand.schedule_firings f where f.run_id = r.id
    )
"""


@pytest.mark.slow
def test_every_instant_becomes_exactly_one_run_whoever_dies(start: Start, insert: Insert, sql: Sql) -> None:
    """Three schedulers, thirty schedules a second; at each blow one is killed, or frozen for a while."""
    for number in range(30):
        insert(f"s{number}", every=SECOND, overlap="allow_all", catch_up="all")
    chance = random.Random(20261122)
    processes = [start("--interval", "2") for _ in range(3)]
    eventually(lambda: count(sql, "select count(*) from hourhand.job_runs") >= 90, timeout=30)
    blows = {"killed": 0, "frozen": 0}
    for _ in range(12):
        victim = chance.randrange(3)
        before = count(sql, "select count(*) from hourhand.job_runs")
        if chance.random() < 0.6:
            processes[victim].kill()
            processes[victim] = start("--interval", "2")
            blows["killed"] += 1
            fewest = chance.randrange(30, 60)
        else:
            processes[victim].send_signal(signal.SIGSTOP)
            blows["frozen"] += 1
            fewest = chance.randrange(30, 90)
        eventually(
            lambda n=before + fewest: count(sql, "select count(*) from hourhand.job_runs") >= n, timeout=30
        )
        processes[victim].send_signal(signal.SIGCONT)
    eventually(lambda: {process.pid for process in processes} <= alive(sql), timeout=20)
    assert [stop(process) for process in processes] == [0, 0, 0]

    runs = count(sql, "select count(*) from hourhand.job_runs")
    decided = count(sql, "select count(*) from hourhand.schedule_firings")
    found = {
        name: count(sql, query)
        for name, query in [("gaps", GAPS), ("doubles", DOUBLES), ("unrun", UNRUN), ("untold", UNTOLD)]
    }
    print(f"\n{runs} runs for {decided} instants of 30 schedules, 3 schedulers, {blows}: {found}")
    assert found == {"gaps": 0, "doubles": 0, "unrun": 0, "untold": 0}
    assert runs == decided > 300


@pytest.mark.slow
def test_ten_schedulers_at_once_make_one_run_of_each_instant(start: Start, insert: Insert, sql: Sql) -> None:
    for number in range(5):
        insert(f"s{number}", every=SECOND, overlap="allow_all", catch_up="all")
    processes = [start("--interval", "1") for _ in range(10)]
    eventually(lambda: {process.pid for process in processes} <= alive(sql), timeout=60)
    ((began,),) = sql("select now()")
    seconds = "select count(distinct date_trunc('second', scheduled_for)) from hourhand.schedule_firings "
    eventually(lambda: count(sql, seconds + "where scheduled_for > %s", began) >= 10, timeout=60)
    assert {stop(process) for process in processes} == {0}
    found = [count(sql, query) for query in (GAPS, DOUBLES, UNRUN, UNTOLD)]
    assert found == [0, 0, 0, 0]
    assert count(sql, "select count(*) from hourhand.job_runs") >= 50


def test_a_scheduler_killed_in_the_middle_of_firing_loses_and_doubles_nothing(
    start: Start, insert: Insert, sql: Sql, connect: Callable[..., Any]
) -> None:
    id_ = insert(due=SECOND, timezone="UTC")
    with connect(autocommit=False) as holder:
        holder.execute("select 1 from hourhand.scheduled_jobs for update")
        victim = start()
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%%hourhand.fire%%'"
        eventually(lambda: sql(waiting), timeout=20)
        victim.kill()
        victim.wait()
        holder.rollback()
    assert start("--once").wait(timeout=30) == 0
    eventually(lambda: not sql(waiting))
    assert sql("select schedule_id, count(*) from hourhand.job_runs group by 1") == [(id_, 1)]
    assert count(sql, "select count(*) from hourhand.schedule_firings") == 1


def test_a_change_is_heard_at_once(start: Start, insert: Insert, sql: Sql) -> None:
    """At the default poll of 60 seconds."""
    process = start()
    eventually(lambda: alive(sql), timeout=20)
    eventually(
        lambda: sql(
            "select 1 from pg_stat_activity where query ilike '%%pg_notify%%' or query ilike 'listen%%'"
        )
    )
    insert(every=SECOND)
    eventually(lambda: count(sql, "select count(*) from hourhand.schedule_firings") >= 2)
    sql("update hourhand.scheduled_jobs set cron = '0 0 1 1 *', every = null")
    eventually(
        lambda: sql("select 1 from hourhand.scheduled_jobs where next_run_at > now() + interval '5 seconds'")
    )
    assert stop(process) == 0


def test_without_hints_the_poll_finds_new_schedules(start: Start, insert: Insert, sql: Sql) -> None:
    start("--interval", "0.2", HOURHAND_NOTIFY="off")
    eventually(lambda: alive(sql), timeout=20)
    insert(every=SECOND)
    eventually(lambda: count(sql, "select count(*) from hourhand.job_runs") >= 1)


def test_a_stopped_scheduler_closes_its_session(start: Start, sql: Sql) -> None:
    process = start()
    eventually(lambda: alive(sql), timeout=20)
    assert stop(process) == 0
    assert sql("select state from hourhand.services") == [("closed",)]


def test_once_fires_what_is_due_and_exits(start: Start, insert: Insert, sql: Sql, tmp_path: Path) -> None:
    insert(due=SECOND)
    assert start("--once", HOURHAND_LOG_FORMAT="text").wait(timeout=30) == 0
    assert count(sql, "select count(*) from hourhand.job_runs") == 1
    assert "[Scheduler] Found 1 due job(s) to enqueue" in (tmp_path / "scheduler.log").read_text()


def test_a_database_without_the_schema_is_told_with_exit_78(
    start: Start, empty_database_url: str, tmp_path: Path
) -> None:
    assert start("--once", DATABASE_URL=empty_database_url).wait(timeout=60) == 78
    assert "hourhand migrate" in (tmp_path / "scheduler.log").read_text()


def test_a_database_that_is_not_there_yet_is_waited_for(
    start: Start, postgres: Postgres, migrated: str, tmp_path: Path
) -> None:
    name = f"{postgres.prefix}_late"
    process = start(DATABASE_URL=postgres.url_of(name))
    log = tmp_path / "scheduler.log"
    eventually(lambda: "trying again" in log.read_text(), timeout=30)
    postgres.run(f"create database {name} template {migrated}")
    try:
        eventually(lambda: "Polling every 60 seconds" in log.read_text(), timeout=30)
        process.send_signal(signal.SIGUSR1)
        eventually(lambda: "scheduler.state" in log.read_text())
        assert stop(process) == 0
    finally:
        postgres.run(f"drop database {name} with (force)")
