"""Completing a run in the task's own transaction: what it wrote and its completion are one."""

import pytest

from hourhand import task
from tests.support.waiting import eventually
from tests.worker.workshop import Workshop

TASKS = """
import os, signal, psycopg
from pathlib import Path
from hourhand import Run, task

@task("move-money")
def move_money(crash: str, run: Run) -> str:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("insert into public.moved (attempt) values (%s)", [run.attempt])
        run.complete_in(connection, {"moved": 5})
        die_at("before commit", crash)
    die_at("after commit", crash)
    if crash == "raises":
        raise RuntimeError("too late")
    return "does not count"

def die_at(moment: str, crash: str) -> None:
    if crash == moment and not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""
QUICK = {"HOURHAND_LEASE_SECONDS": "1", "JOB_WORKER_POLL_MS": "500"}


@pytest.fixture(autouse=True)
def ledger(shop: Workshop) -> None:
    shop.transport.execute("create table public.moved (attempt int not null)")


def moved(shop: Workshop) -> list[int]:
    return [row[0] for row in shop.transport.query("select attempt from public.moved")]


@pytest.mark.parametrize(
    ("crash", "attempts", "lost"),
    [("before commit", [2], 1), ("after commit", [1], 0)],
    ids=["before", "after"],
)
def test_a_crash_leaves_both_or_neither(shop: Workshop, crash: str, attempts: list[int], lost: int):
    run = shop.enqueue("move-money", {"crash": crash})
    doomed = shop.spawn(TASKS, **QUICK)
    assert doomed.wait() == -9
    heir = shop.spawn(TASKS, **QUICK)
    eventually(lambda: heir.said("session.opened"), 20)
    eventually(lambda: shop.status(run) == "completed", 20)
    other = shop.enqueue("move-money", {"crash": ""})
    eventually(lambda: shop.status(other) == "completed", 20)
    assert moved(shop) == [*attempts, 1]
    columns = shop.run(run)
    assert (columns["result"], columns["lost_count"]) == ({"moved": 5}, lost)


def test_what_comes_after_the_commit_does_not_count(shop: Workshop):
    run = shop.enqueue("move-money", {"crash": "raises"})
    assert shop.spawn(TASKS, "--once").wait() in (0, 1)
    assert shop.run(run)["result"] == {"moved": 5}
    assert moved(shop) == [1]
    assert shop.outcomes(run) == []


# --- sync_ack ---


def recorded_before_each(shop: Workshop, task_name: str) -> list[int]:
    """How many ends were in the database when each of five runs began, one at a time."""
    seen: list[int] = []

    @task(task_name, sync_ack=task_name == "careful")
    def count() -> None:
        seen.append(
            shop.transport.query("select count(*) from hourhand.job_runs where status = 'completed'")[0][0]
        )

    for _ in range(5):
        shop.enqueue(task_name)
    shop.drain(worker_batch=5, concurrency=1)
    return seen


def test_with_sync_ack_an_end_is_recorded_before_the_next_run_begins(shop: Workshop):
    assert recorded_before_each(shop, "careful") == [0, 1, 2, 3, 4]


def test_without_it_ends_are_written_together(shop: Workshop):
    assert recorded_before_each(shop, "quick")[-1] < 4
