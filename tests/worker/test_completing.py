"""Completing a run in the task's own transaction: what it wrote and its completion are one."""

import threading
from typing import Any

import pytest

from hourhand import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.worker import Worker
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


class Patient(PostgresTransport):
    """Writes no end before it may."""

    def __init__(self, url: str) -> None:
        super().__init__(url, application_name="hourhand-worker", patience=5.0)
        self.may = threading.Event()

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        if function == "finish":
            assert self.may.wait(30)
        return super().call(function, params, retry=retry)


@pytest.mark.parametrize("sync_ack", [True, False])
def test_with_sync_ack_an_end_is_recorded_before_the_next_run_begins(shop: Workshop, sync_ack: bool):
    transport = Patient(shop.url)
    seen: list[int] = []

    @task("count", sync_ack=sync_ack)
    def count() -> None:
        """How many ends are in the database when each of five begins, one at a time."""
        seen.append(
            shop.transport.query("select count(*) from hourhand.job_runs where status = 'completed'")[0][0]
        )
        if sync_ack or len(seen) == 5:
            transport.may.set()

    for _ in range(5):
        shop.enqueue("count")
    Worker(shop.settings(worker_batch=5, concurrency=1, lease=60), shop.tasks, transport).drain()
    transport.close()
    assert seen == ([0, 1, 2, 3, 4] if sync_ack else [0] * 5)
