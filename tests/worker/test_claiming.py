"""What a worker claims, how much of it, and when it looks again."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hourhand.log.lines import Line
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.until import Until
from hourhand_worker.worker import Worker
from tests.support import eventually
from tests.worker.workshop import Workshop

# The poll is so long that a test which needs it fails.
RARELY = {"worker_poll": 600_000, "lease": 30}


@pytest.fixture
def noop(shop: Workshop) -> str:
    @task("noop")
    async def noop() -> None: ...

    return noop.name


def claims(lines: list[Line]) -> int:
    return sum(line.event == "run.claim.intent" for line in lines)


def test_a_backlog_is_worked_off_without_waiting_for_the_poll(shop: Workshop, noop: str):
    runs = [shop.enqueue(noop) for _ in range(23)]
    with shop.working(**RARELY, notify=False):
        eventually(lambda: all(shop.status(run) == "completed" for run in runs))


def test_a_run_that_is_due_later_starts_at_its_instant_without_a_hint(shop: Workshop, noop: str):
    with shop.working(**RARELY, notify=False):
        eventually(lambda: shop.sessions())
        # Known to the worker from its first claim on; later ones only at its poll.
        due = datetime.now(UTC) + timedelta(seconds=1.5)
    run = shop.enqueue(noop, run_at=due)
    with shop.working(**RARELY, notify=False):
        eventually(lambda: shop.status(run) == "completed")
    lag = datetime.fromisoformat(shop.run(run)["started_at"]) - due
    assert timedelta() <= lag < timedelta(seconds=9), "not at the poll"


def test_the_run_of_a_schedule_is_found_though_it_comes_a_little_after_its_instant(shop: Workshop, noop: str):
    due = datetime.now(UTC) + timedelta(seconds=1)
    shop.transport.execute(
        "insert into hourhand.scheduled_jobs (name, task, every) values ('tick', 'noop', '1 hour');"
        f"update hourhand.scheduled_jobs set next_run_at = '{due.isoformat()}';"
    )
    with shop.working(**RARELY, notify=False):
        eventually(lambda: datetime.now(UTC) > due + timedelta(seconds=0.2))
        run = shop.enqueue(noop)
        eventually(lambda: shop.status(run) == "completed")


def test_an_instant_that_has_passed_makes_no_hot_loop(shop: Workshop, noop: str, lines: list[Line]):
    past = datetime.now(UTC) - timedelta(seconds=1)
    shop.transport.execute(
        "insert into hourhand.scheduled_jobs (name, task, every) values ('tick', 'noop', '1 hour');"
        f"update hourhand.scheduled_jobs set next_run_at = '{past.isoformat()}';"
    )
    with shop.working(**RARELY, notify=False):
        eventually(lambda: claims(lines) >= 3)
        # The ladder takes less than two seconds; its end is known by the schedule being forgotten.
        eventually(lambda: datetime.now(UTC) > past + timedelta(seconds=5), 10)
    assert claims(lines) <= 6


def test_a_hint_wakes_an_idle_worker(shop: Workshop, noop: str):
    worker = shop.worker(**RARELY)
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: worker._listener is not None and worker._listener.working)
    run = shop.enqueue(noop)
    eventually(lambda: shop.status(run) == "completed", 5)
    worker.stop()
    thread.join(10)


def test_an_idle_worker_is_quiet(shop: Workshop, noop: str, lines: list[Line]):
    with shop.working(lease=3, worker_poll=30_000, notify=False):
        eventually(lambda: sum(line.event == "session.beat" for line in lines) == 2)
    assert claims(lines) == 1
    assert [session["state"] for session in shop.sessions()] == ["closed"]


def test_runs_with_one_concurrency_key_follow_each_other_without_poll_or_hint(shop: Workshop, noop: str):
    runs = [shop.enqueue(noop, concurrency_key="one") for _ in range(5)]
    with shop.working(**RARELY, notify=False):
        eventually(lambda: all(shop.status(run) == "completed" for run in runs))


def test_a_task_with_a_limit_is_not_held_up_by_the_window_of_the_finisher(shop: Workshop):
    running, most = [0], [0]
    lock = threading.Lock()

    @task("limited", concurrency=1)
    def limited() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.001)
        with lock:
            running[0] -= 1

    runs = [shop.enqueue("limited") for _ in range(6)]
    with shop.working(**RARELY, notify=False):
        eventually(lambda: all(shop.status(run) == "completed" for run in runs))
    assert most == [1]


@pytest.mark.parametrize("notify", [True, False])
@pytest.mark.parametrize("limited", ["task", "key", "queue"])
def test_the_end_of_a_run_lets_another_worker_take_its_place(
    shop: Workshop, limited: str, notify: bool, lines: list[Line]
):
    """By a hint, or by a look each second while a run waits for a place."""
    begun, done = list[int](), threading.Event()

    @task("held", concurrency=1 if limited == "task" else None)
    def held(n: int) -> None:
        begun.append(n)
        done.wait(30)

    if limited == "queue":
        shop.transport.call("limit_queue", {"p_queue": "default", "p_concurrency": 1})
    key = "one" if limited == "key" else None
    runs = [shop.enqueue("held", {"n": n}, concurrency_key=key) for n in range(2)]
    leaving = threading.Thread(target=shop.worker(**RARELY, notify=notify).run, args=[Until(runs=1)])
    leaving.start()
    eventually(lambda: begun == [0])
    looks = claims(lines)
    with shop.working(**RARELY, notify=notify):
        eventually(lambda: claims(lines) > looks)
        done.set()
        eventually(lambda: all(shop.status(run) == "completed" for run in runs))
    leaving.join(30)
    ended, taken = shop.run(runs[0])["finished_at"], shop.run(runs[1])["claimed_at"]
    assert datetime.fromisoformat(taken) - datetime.fromisoformat(ended) < timedelta(seconds=2)


@pytest.mark.parametrize("kind", ["thread", "async"])
def test_no_more_runs_at_once_than_the_concurrency(shop: Workshop, kind: str):
    import asyncio

    running: set[int] = set()
    most: list[int] = []

    @task("thread")
    def in_thread(n: int) -> None:
        running.add(n)
        most.append(len(running))
        time.sleep(0.01)
        running.discard(n)

    @task("async")
    async def on_loop(n: int) -> None:
        running.add(n)
        most.append(len(running))
        await asyncio.sleep(0.01)
        running.discard(n)

    for n in range(20):
        shop.enqueue(kind, {"n": n})
    worker = shop.drain(concurrency=3, worker_batch=5)
    assert worker.outcomes == {"completed": 20}
    assert max(most) == 3


@pytest.mark.parametrize(("prefetch", "held"), [(True, 3), (False, 1)])
def test_up_to_one_more_batch_is_claimed_ahead(shop: Workshop, prefetch: bool, held: int):
    begun, done = threading.Event(), threading.Event()

    @task("slow")
    def slow() -> None:
        begun.set()
        done.wait(30)

    runs = [shop.enqueue("slow") for _ in range(8)]

    def processing() -> int:
        return sum(shop.status(run) == "processing" for run in runs)

    with shop.working(**RARELY, concurrency=1, worker_batch=2, prefetch=prefetch):
        assert begun.wait(10)
        eventually(lambda: processing() == held)
        with suppress(AssertionError):
            eventually(lambda: processing() > held, 0.5)
        assert processing() == held
        done.set()
        eventually(lambda: all(shop.status(run) == "completed" for run in runs))


def test_a_worker_takes_runs_of_its_queues_only(shop: Workshop, noop: str):
    mail, rest = shop.enqueue(noop, queue="mail"), shop.enqueue(noop)
    shop.drain(queues="mail")
    assert (shop.status(mail), shop.status(rest)) == ("completed", "pending")


def test_a_worker_leaves_tasks_it_does_not_know(shop: Workshop, noop: str):
    foreign, own = shop.enqueue("foreign"), shop.enqueue(noop)
    shop.drain()
    assert (shop.status(foreign), shop.status(own)) == ("pending", "completed")


# --- Ending by itself ---


def completed(shop: Workshop) -> int:
    [(count,)] = shop.transport.query("select count(*) from hourhand.job_runs where status = 'completed'")
    return int(count)


def test_once_claims_once(shop: Workshop, noop: str):
    for _ in range(5):
        shop.enqueue(noop)
    shop.worker(worker_batch=2).run(Until(once=True))
    assert completed(shop) == 2


def test_so_many_runs_and_no_more(shop: Workshop, noop: str):
    for _ in range(5):
        shop.enqueue(noop)
    shop.worker(worker_batch=2).run(Until(runs=3))
    assert completed(shop) == 3


def test_an_idle_worker_ends_when_its_time_is_over(shop: Workshop, noop: str):
    began = time.monotonic()
    assert shop.worker(**RARELY).run(Until(seconds=0.3)) == 0
    assert time.monotonic() - began < 10


def test_draining_waits_for_what_running_tasks_enqueue(shop: Workshop):
    from hourhand.run import Run

    @task("chain")
    def chain(n: int, run: Run) -> None:
        time.sleep(0.05)
        if n:
            run.enqueue("chain", {"n": n - 1})

    shop.enqueue("chain", {"n": 3})
    assert shop.drain().outcomes == {"completed": 4}


def lose_all_once(connect: Callable[..., psycopg.Connection]) -> None:
    with connect() as database:
        database.execute("set session_replication_role = replica")  # past the triggers that forbid it
        database.execute("update hourhand_parts.job_runs_live set lost_count = 1")


def test_nobody_joins_a_run_whose_worker_was_lost_before(
    shop: Workshop, connect: Callable[..., psycopg.Connection]
):
    begun, done = threading.Event(), threading.Event()

    @task("suspect")
    def suspect() -> None:
        begun.set()
        done.wait(30)

    @task("other")
    def other() -> None: ...

    shop.enqueue("suspect")
    lose_all_once(connect)
    with shop.working(worker_poll=50):
        assert begun.wait(10)
        others = [shop.enqueue("other") for _ in range(3)]
        beats = shop.sessions()[0]["beat_at"]
        eventually(lambda: shop.sessions()[0]["beat_at"] > beats)
        assert {shop.status(each) for each in others} == {"pending"}
        done.set()
        eventually(lambda: {shop.status(each) for each in others} == {"completed"})


class Slow(PostgresTransport):
    """Takes longer for a finish than a suspect waits for a worker that holds nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url, application_name="hourhand-worker", patience=5.0)
        self.said: list[str] = []

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        if function == "finish":
            time.sleep(1)
        answer = super().call(function, params, retry=retry)
        if function == "finish" or (function == "claim" and answer["runs"]):
            self.said.append(function)
        return answer


def test_the_end_of_one_whose_worker_was_lost_is_delivered_before_the_next_may_kill_it(
    shop: Workshop, noop: str, connect: Callable[..., psycopg.Connection]
):
    for _ in range(2):
        shop.enqueue(noop)
    lose_all_once(connect)
    transport = Slow(shop.url)
    Worker(shop.settings(worker_poll=50), shop.tasks, transport).drain()
    transport.close()
    assert transport.said == ["claim", "finish", "claim", "finish"]
