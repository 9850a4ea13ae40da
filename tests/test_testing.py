"""hourhand.testing, the helpers for users' own tests."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from hourhand import Cancel, Client, Discard, Retry, Run, Snooze, registry, task
from hourhand.errors import BadPayload
from hourhand.testing import (
    DatabaseClock,
    NotATestDatabase,
    assert_enqueued,
    drain,
    fire_due,
    run_inline,
    run_inline_async,
)
from tests.support import databases

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)


class Feed(BaseModel):
    url: str
    limit: int = 50


@pytest.fixture(autouse=True)
def tasks() -> Iterator[registry.Registry]:
    with registry.isolated() as tasks:
        yield tasks


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url) as client:
        yield client


@pytest.fixture
def clock(database_url: str) -> Iterator[DatabaseClock]:
    with DatabaseClock(database_url) as clock:
        yield clock


# --- Inline ---


def test_a_task_runs_with_a_payload_that_went_through_json() -> None:
    @task("ingest")
    def ingest(feed: Feed) -> tuple[str, int]:
        assert isinstance(feed, Feed)
        return feed.url, feed.limit

    inline = run_inline(ingest, {"url": "https://a.example"})
    assert (inline.outcome, inline.result) == ("completed", ("https://a.example", 50))


def test_a_bad_payload_is_refused() -> None:
    @task("ingest")
    def ingest(feed: Feed) -> None: ...

    with pytest.raises(BadPayload, match="url"):
        run_inline(ingest, {"limit": 3})


def test_what_a_task_tells_is_kept() -> None:
    @task("ingest")
    def ingest(run: Run) -> None:
        run.log.info("fetching {}", "a")
        run.log.warning("slow")
        run.progress(1, 3)
        run.enqueue("clean", {"limit": 50}, priority=3)

    inline = run_inline(ingest)
    assert inline.logs == [("INFO", "fetching a"), ("WARNING", "slow")]
    assert inline.progress == [{"done": 1, "total": 3}]
    [child] = assert_enqueued(inline, "clean", {"limit": 50})
    assert child.options == {"priority": 3}


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (Retry(5), "retry"),
        (type("RateLimited", (Retry,), {})(5), "retry"),
        (Snooze(5), "snooze"),
        (Cancel("enough"), "cancelled"),
        (Discard("bad"), "failed"),
    ],
)
@pytest.mark.parametrize("raises", [True, False])
def test_an_outcome_is_told_whether_raised_or_returned(asked: Exception, outcome: str, raises: bool) -> None:
    @task("ingest")
    def ingest() -> Exception:
        if raises:
            raise asked
        return asked

    inline = run_inline(ingest)
    assert (inline.outcome, inline.asked) == (outcome, asked)


def test_what_a_task_raises_comes_out() -> None:
    @task("ingest")
    def ingest() -> None:
        raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError, match="by zero"):
        run_inline(ingest)


def test_the_run_is_as_the_test_wants_it() -> None:
    @task("ingest", max_attempts=3)
    def ingest(run: Run) -> dict[str, object]:
        return {
            "attempt": run.attempt,
            "most": run.max_attempts,
            "for": run.scheduled_for,
            "why": run.cancel_reason,
        }

    inline = run_inline(ingest, attempt=2, stopped="shutdown", scheduled_for=NOON)
    assert inline.result == {"attempt": 2, "most": 3, "for": NOON, "why": "shutdown"}


def test_a_coroutine_runs_too_also_within_a_loop() -> None:
    @task("ingest")
    async def ingest(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    assert run_inline(ingest, {"n": 1}).result == 2
    assert asyncio.run(run_inline_async(ingest, {"n": 2})).result == 3


# --- With a database ---


def test_enqueued_runs_are_found_by_part_of_their_payload(client: Client) -> None:
    client.enqueue("clean", {"limit": 50, "why": "new"})
    [run] = assert_enqueued(client, "clean", {"limit": 50}, times=1)
    assert run.payload == {"limit": 50, "why": "new"}
    with pytest.raises(AssertionError, match=r"found 0; enqueued are clean \{'why': 'new', 'limit': 50\}"):
        assert_enqueued(client, "clean", {"limit": 51})
    with pytest.raises(AssertionError, match="only runs of clean"):
        assert_enqueued(client, "ingest")
    assert_enqueued(client, "ingest", times=0)


def test_draining_runs_everything_with_its_children(client: Client) -> None:
    @task("parent", queue="slow")
    def parent(run: Run) -> None:
        run.enqueue(child, {"n": 1})

    @task("child")
    async def child(n: int) -> int:
        return n + 1

    handle = client.enqueue(parent)
    assert drain(client) == {"completed": 2}
    assert handle.status() == "completed"
    [run] = client.runs.list(task="child")
    assert client.runs.get(run.id).result == 2


def test_a_failing_run_does_not_keep_draining_from_ending(client: Client) -> None:
    @task("broken", max_attempts=2)
    def broken() -> None:
        raise ValueError("no")

    handle = client.enqueue(broken)
    assert drain(client) == {"retry": 1}
    assert handle.status() == "pending"


def test_only_the_tasks_named_are_run(client: Client) -> None:
    @task("one")
    def one() -> None: ...

    @task("other")
    def other() -> None: ...

    first, second = client.enqueue(one), client.enqueue(other)
    drain(client, [one])
    assert (first.status(), second.status()) == ("completed", "pending")


# --- Time ---


def test_time_stands_still_and_goes_on(clock: DatabaseClock, client: Client) -> None:
    clock.freeze(NOON)
    assert clock.now() == client.now() == NOON
    clock.advance(timedelta(hours=2))
    assert client.now() == NOON + timedelta(hours=2)
    clock.travel(NOON)
    assert client.now() == NOON
    clock.reset()
    assert abs(client.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_moving_clock_can_be_set(clock: DatabaseClock, client: Client) -> None:
    clock.travel(NOON)
    assert NOON <= client.now() < NOON + timedelta(minutes=1)


def test_the_real_clock_is_back_afterwards(database_url: str, client: Client) -> None:
    with DatabaseClock(database_url) as clock:
        clock.freeze(NOON)
    assert abs(client.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_schedules_fire_as_time_goes_on(clock: DatabaseClock, client: Client) -> None:
    ran: list[datetime | None] = []

    @task("report")
    def report(run: Run) -> None:
        ran.append(run.scheduled_for)

    clock.freeze(NOON)
    client.schedules.create("report", report, cron="0 13 * * *", timezone="UTC")
    fire_due(client)
    drain(client)
    assert ran == []
    clock.advance(timedelta(hours=1))
    fire_due(client)
    drain(client)
    assert ran == [NOON + timedelta(hours=1)]


@pytest.mark.parametrize("name", ["postgres", "production", "latest_data", "contest"])
def test_the_time_of_other_databases_is_left_alone(name: str) -> None:
    with pytest.raises(NotATestDatabase, match=name):
        DatabaseClock(f"postgresql://localhost/{name}")


# --- The plugin ---

USERS_TEST = """
from datetime import timedelta
from hourhand import task

@task("greet")
def greet(name: str) -> str:
    return f"hello {name}"

def test_greeting(hourhand_client, hourhand_drain, hourhand_clock):
    before = hourhand_client.now()
    hourhand_clock.advance(timedelta(days=400))
    handle = hourhand_client.enqueue(greet, name="you")
    hourhand_drain()
    assert handle.result(timeout=0) == "hello you"
    assert handle.run().finished_at - before > timedelta(days=399)
    assert len(hourhand_client.runs.list()) == 1

def test_each_has_its_own_database(hourhand_client):
    assert hourhand_client.runs.list() == []
"""


def test_the_fixtures_work_in_a_project_of_its_own(postgres: databases.Postgres, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["hourhand.testing.pytest_plugin"]\n')
    (tmp_path / "test_greeting.py").write_text(USERS_TEST)
    environment = {**os.environ, "HOURHAND_TEST_DATABASE_URL": postgres.url}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
