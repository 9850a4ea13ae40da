"""What claim and finish read must not grow with what is in the tables.

Pages are counted, not time: they are the same on every machine, and a plan that reads a table it should
jump through shows at once.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
ROWS = 100_000
# A claim or finish of ten runs touches some dozens of pages a run: heap, indexes, history.
PAGES = 1_000

FILL = """
insert into hourhand_parts.job_runs_live
  (id, task, payload, queue, status, run_at, claim_at, max_attempts, timeout, trigger, created_at, concurrency_key)
select nextval('hourhand.job_runs_id_seq'), {task}, '{{}}', {queue}, 'pending', {run_at}, {run_at}, 4, '1 hour', 'api',
  hourhand.clock() - interval '1 day', {key}
from generate_series(1, {rows}) n
"""
PAST = "hourhand.clock() - n * interval '1 millisecond'"


def fill(
    sql: Sql,
    *,
    task: str = "'task'",
    queue: str = "'default'",
    run_at: str = PAST,
    key: str = "null",
    rows: int = ROWS,
) -> None:
    sql(FILL.format(task=task, queue=queue, run_at=run_at, key=key, rows=rows))


def finished(sql: Sql) -> None:
    sql(
        "insert into hourhand_parts.job_runs_history (id, task, payload, queue, status, run_at, claim_at, max_attempts,"
        " timeout, trigger, created_at, finished_at, token) select n, 'task', '{}', 'default', 'completed', hourhand.clock(),"
        f" hourhand.clock(), 4, '1 hour', 'api', hourhand.clock(), hourhand.clock(), gen_random_uuid() from generate_series(1, {ROWS}) n"
    )
    sql(f"select setval('hourhand.job_runs_id_seq', {ROWS})")


def pages(sql: Sql, statement: str, *params: object) -> int:
    (plan,) = sql(f"explain (analyze, buffers, format json) {statement}", *params)[0][0]
    return sum(plan["Plan"][f"Shared {kind} Blocks"] for kind in ("Hit", "Read"))


def full_task(sql: Sql) -> None:
    fill(sql)
    fill(sql, task="'task1'", rows=20)
    sql("update hourhand.tasks set concurrency = 1 where name = 'task'")


def full_queue(sql: Sql) -> None:
    fill(sql, queue="'mail'")
    sql("select hourhand.limit_queue('mail', p_concurrency => 1, p_rate => 0.001)")


SITUATIONS: dict[str, Callable[[Sql], None]] = {
    "empty": lambda sql: None,
    "many pending": fill,
    "many delayed": lambda sql: fill(sql, run_at="hourhand.clock() + n * interval '100 milliseconds'"),
    "many finished": finished,
    "two queues": lambda sql: fill(sql, queue="case n % 2 when 0 then 'default' else 'mail' end"),
    "twenty tasks": lambda sql: fill(sql, task="'task' || n % 20"),
    "tasks nobody knows": lambda sql: fill(sql, task="'unknown'"),
    "a saturated key": lambda sql: fill(sql, key="'busy'"),
    "a full task": full_task,
    "a full queue": full_queue,
    "a thousand keys": lambda sql: fill(sql, key="'key' || n % 1000"),
}


CLAIM = 'select hourhand.claim(%s, %s, 10, %s, \'["default", "mail"]\')'
FINISH = "select hourhand.finish(%s, %s::jsonb)"


def results(runs: list[dict[str, Any]]) -> str:
    return json.dumps([{"id": run["id"], "token": run["token"], "outcome": "completed"} for run in runs])


def plan_for_empty_tables(sql: Sql, worker: Hand) -> None:
    """A connection keeps its plans: these were made when there was next to nothing, and stay."""
    for _ in range(7):
        fill(sql, rows=2)
        fill(sql, rows=2, key="'first'")
        ((answer,),) = sql(CLAIM, worker.session, str(uuid.uuid4()), json.dumps(worker.tasks))
        sql(FINISH, worker.session, results(answer["runs"]))


@pytest.mark.parametrize("analyzed", ["fresh statistics", "stale statistics"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_claim_and_a_finish_read_few_pages(
    sql: Sql, hand: Callable[..., Hand], situation: str, analyzed: str
) -> None:
    worker = hand("task", *(f"task{n}" for n in range(20)))
    if analyzed == "stale statistics":
        sql("analyze hourhand_parts.job_runs_live")
        plan_for_empty_tables(sql, worker)
    SITUATIONS[situation](sql)
    fill(sql, rows=20, run_at="hourhand.clock() - interval '1 second'")
    if situation == "a saturated key":
        fill(sql, rows=1, key="'busy'", run_at="hourhand.clock() - interval '1 hour'")
        fill(sql, rows=5, key="'calm'")
        assert len(worker.runs(1)) == 1, "the oldest run holds the key now"
    if analyzed == "fresh statistics":
        sql("vacuum analyze hourhand.job_runs")

    for turn in range(7):  # the first reads the catalog, too; a later one may switch to a generic plan
        claim_id = str(uuid.uuid4())
        read = pages(sql, CLAIM, worker.session, claim_id, json.dumps(worker.tasks))
        runs = worker.runs(10, claim_id=claim_id)
        if situation == "many delayed" and not runs:
            break
        written = pages(sql, FINISH, worker.session, results(runs))
        assert not turn or read <= PAGES, f"claim read {read} pages"
        assert not turn or written <= PAGES, f"finish read {written} pages"


def test_a_poll_that_finds_nothing_among_many_schedules_reads_few_pages(sql: Sql) -> None:
    sql(
        "insert into hourhand.scheduled_jobs (name, task, every)"
        f" select 's' || n, 'task', '1 hour' from generate_series(1, {ROWS // 5}) n"
    )
    sql("update hourhand.scheduled_jobs set next_run_at = hourhand.clock() + interval '1 hour'")
    sql("vacuum analyze hourhand.scheduled_jobs")
    for _ in range(7):  # the first reads the catalog too, a later one may switch to a generic plan
        read = pages(sql, "select hourhand.due_schedules(60.0, 25)")
    assert read <= 20
