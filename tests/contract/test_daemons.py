"""Schedulers and workers that hear of each other only through the database."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourhand.client import Client
from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport import Transport
from hourhand_scheduler.scheduler import Scheduler
from tests.contract.ways import DAEMON_WAYS, Place
from tests.contract.workshop import AnyWorkshop
from tests.scheduler.conftest import Insert
from tests.sql.conftest import Hand
from tests.support import eventually

pytestmark = pytest.mark.parametrize("place", DAEMON_WAYS, ids=str, indirect=True)

Sql = Callable[..., list[Any]]


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with Client(settings=place.settings()) as client:
        yield client


def lags(sql: Sql) -> list[float]:
    """Seconds from the instants of schedules to the starts of their runs, in rising order."""
    rows = sql(
        "select extract(epoch from started_at - scheduled_for) from hourhand.job_runs"
        " where status = 'completed' and scheduled_for is not null"
    )
    return sorted(float(lag) for (lag,) in rows)


def test_a_scheduled_run_starts_within_a_second_at_the_default_polls(
    shop: AnyWorkshop, insert: Insert, sql: Sql, record_property: Callable[[str, object], None]
) -> None:
    @task("work")
    async def work() -> None: ...

    for number in range(10):
        insert(f"s{number}", every=timedelta(seconds=1), overlap="allow_all")
    with shop.scheduling():
        eventually(lambda: sql("select bool_and(next_run_at is not null) from hourhand.scheduled_jobs")[0][0])
        with shop.working(lease=30):
            eventually(lambda: len(lags(sql)) >= 40, 20, interval=0.1)
    # Those that were due before the worker came have waited for it.
    begun = shop.sessions()[-1]["started_at"]
    sql("delete from hourhand.job_runs where scheduled_for < %s", begun)
    found = lags(sql)
    record_property(
        "lag", f"firing to start p50 {found[len(found) // 2]:.3f} s, worst of {len(found)} {found[-1]:.3f} s"
    )
    assert found[-1] <= 1


def test_what_is_due_is_fired_once_and_worked_off(
    shop: AnyWorkshop, scheduler: Scheduler, insert: Insert, sql: Sql
) -> None:
    @task("work")
    async def work(run: Run) -> str:
        return run.trigger

    for number in range(30):
        insert(f"s{number}", due=timedelta(minutes=number))
    scheduler.finish()
    shop.drain()
    scheduler.finish()
    assert sql("select status, count(*) from hourhand.job_runs group by 1") == [("completed", 30)]
    assert sql("select decision, count(*) from hourhand.schedule_firings group by 1") == [("fired", 30)]


def test_a_cancel_reaches_the_task(shop: AnyWorkshop, client: Client) -> None:
    begun = threading.Event()

    @task("endless")
    def endless(run: Run) -> None:
        begun.set()
        assert run.wait(30)
        raise RuntimeError("stopped")

    run = client.enqueue("endless")
    with shop.working(lease=2):
        assert begun.wait(20)
        client.call("cancel_run", p_run_id=run.id, p_reason="not needed")
        eventually(lambda: shop.status(run.id) == "cancelled")
    assert shop.run(run.id)["error"] == "not needed"


def test_the_run_of_a_silent_worker_is_taken_over(
    shop: AnyWorkshop, transport: Transport, hand: Callable[..., Hand], enqueue: Callable[..., int]
) -> None:
    @task("task")
    def work() -> str:
        return "done by the other"

    run = enqueue("task")
    silent = hand("task", lease=1.0)
    [held] = silent.runs()
    with shop.working(lease=2, worker_poll=500):
        eventually(lambda: shop.status(run) == "completed", 20)
    assert silent.finish(held) == ["stale"]
    assert shop.run(run)["result"] == "done by the other"


def test_two_workers_share_the_work_and_double_none(shop: AnyWorkshop, client: Client) -> None:
    seen: list[int] = []

    @task("count")
    def count(n: int) -> None:
        seen.append(n)

    client.enqueue_many("count", [{"n": n} for n in range(60)])
    with shop.working(name="one"), shop.working(name="two"):
        eventually(lambda: len(seen) == 60, 20)
    assert sorted(seen) == list(range(60))


def test_a_worker_that_stops_gives_back_what_it_has_not_started(shop: AnyWorkshop, client: Client) -> None:
    begun, done = threading.Event(), threading.Event()

    @task("slow")
    def slow(n: int) -> None:
        begun.set()
        done.wait(30)

    runs = [client.enqueue("slow", {"n": n}) for n in range(2)]
    with shop.working(concurrency=1, worker_batch=2):
        assert begun.wait(20)
        eventually(lambda: shop.status(runs[1].id) == "processing")
        done.set()
        shop.transport.call("pause_queue", {"p_queue": "default"})
    first, second = (shop.run(run.id) for run in runs)
    assert first["status"] == "completed"
    assert (second["status"], second["attempt"]) in [("pending", 0), ("completed", 1)]


def test_a_program_enqueues_waits_and_tries_again(shop: AnyWorkshop, client: Client) -> None:
    broken = True

    @task("fragile", max_attempts=1)
    def fragile(n: int) -> int:
        if broken:
            raise RuntimeError("broken")
        return n + 1

    first = client.enqueue("fragile", {"n": 1}, key="one")
    again = client.enqueue("fragile", {"n": 1}, key="one")
    assert (again.id, again.outcome) == (first.id, "existing")
    shop.drain()
    assert shop.status(first.id) == "failed"
    broken = False
    answer = client.call("retry_run", p_run_id=first.id)
    later = client.enqueue("fragile", {"n": 2}, run_at=datetime.now(UTC) + timedelta(hours=1))
    shop.drain()
    assert shop.run(answer["id"])["result"] == 2
    assert shop.status(later.id) == "pending"
