"""`hourhand tick`, as cron starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.rows import TupleRow

from hourhand.embedded import running
from hourhand_admin.tick_story import State, Story
from tests.support import eventually

TASKS = """
import time
from hourhand import Cancel, Run, task

@task("good")
async def good() -> None: ...

@task("slow")
def slow() -> None:
    time.sleep(1)

@task("bad", max_attempts=1)
def bad() -> None:
    raise RuntimeError("API rate limit exceeded")

@task("flaky")
def flaky() -> None:
    raise RuntimeError("once more")

@task("recovers")
def recovers(run: Run) -> None:
    if run.attempt == 1:
        raise RuntimeError("once more")

@task("off")
def off() -> None:
    raise Cancel("nothing to do")

@task("parent")
def parent(run: Run) -> None:
    run.enqueue("good")

@task("noisy")
def noisy(run: Run) -> None:
    print("printed by the task")
    run.log.info("logged by the task")
"""
Sql = Callable[..., list[TupleRow]]


@dataclass
class Told:
    code: int
    out: str
    err: str

    def summary(self) -> str:
        return self.out.partition("📊 JOB RUN SUMMARY")[2]

    def details(self) -> list[str]:
        """The signs and names of the summary, in order."""
        lines = self.summary().partition("Job details:")[2].splitlines()
        return [line.partition(":")[0].strip() for line in lines if line.startswith("  ")]

    def started(self) -> list[str]:
        return [line.partition(": ")[2] for line in self.out.splitlines() if line.startswith("🔄")]


Tick = Callable[..., Told]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ours = ("HOURHAND_", "JOB_", "DATABASE_", "POSTGRES_", "SUPABASE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    (tmp_path / "work.py").write_text(TASKS)
    return {**kept, "HOURHAND_TASKS": "work"}


@pytest.fixture
def tick(database_url: str, tmp_path: Path, environment: dict[str, str]) -> Tick:
    def tick(*arguments: str, **variables: str) -> Told:
        return run(tmp_path, {**environment, "DATABASE_URL": database_url, **variables}, *arguments)

    return tick


def run(directory: Path, environment: dict[str, str], *arguments: str) -> Told:
    command = [sys.executable, "-m", "hourhand", "tick", *arguments]
    ended = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, timeout=60, check=False
    )
    return Told(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@pytest.fixture
def insert(sql: Sql) -> Callable[..., None]:
    """Inserts schedules named like their tasks, or `name=task`; those that are `due` were so a second ago."""

    def insert(*tasks: str, due: bool = False) -> None:
        for each in tasks:
            name, _, task = each.rpartition("=")
            sql(
                "insert into hourhand.scheduled_jobs (name, task, cron) values (%s, %s, '0 0 1 1 *')",
                name or task,
                task,
            )
            if due:
                query = "update hourhand.scheduled_jobs set next_run_at = now() - interval '1 second' where name = %s"
                sql(query, name or task)

    return insert


Insert = Callable[..., None]


# --- What is run, and what is told ---


def test_the_summary_is_the_one_that_was_promised(tick: Tick, insert: Insert) -> None:
    insert("good", "bad", "parent")
    told = tick("--only", "parent", "bad")
    assert told.code == 1
    heading, started, *_ = told.out.split("\n\n")
    lines = heading.splitlines()
    assert lines[:2] == ["🚀 BACKGROUND JOB RUNNER", "=" * 60]
    at = datetime.fromisoformat(lines[2].removeprefix("Started at: "))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert started.splitlines()[:3] == ["=" * 60, "🔄 Starting job: parent", "=" * 60]
    assert "✅ Job completed: parent (" in told.out
    for line in (
        "Total duration: ",
        "Successful jobs: 2/3\n",
        "Failed jobs: 1/3\n",
        "  ✅ parent: ",
        "  ❌ bad: ",
    ):
        assert line in told.summary()
    assert "Failed jobs:\n  - bad: API rate limit exceeded\n" in told.summary()
    assert told.out.endswith("=" * 60 + "\n")


def test_named_schedules_run_one_at_a_time_in_the_order_given(tick: Tick, insert: Insert) -> None:
    insert("good", "slow", "off")
    told = tick("--only", "slow", "--only", "off", "good")
    assert told.started() == ["slow", "off", "good"]
    assert told.details() == ["✅ slow", "➖ off", "✅ good"]
    assert told.code == 0


def test_all_runs_every_active_schedule_by_name(tick: Tick, insert: Insert, sql: Sql) -> None:
    insert("c=good", "a=good", "b=good", "paused=good", "off=good")
    sql("update hourhand.scheduled_jobs set paused_until = now() + interval '1 hour' where name = 'paused'")
    sql("update hourhand.scheduled_jobs set is_active = false where name = 'off'")
    assert tick("--all").details() == ["✅ a", "✅ b", "✅ c"]


def test_without_options_only_what_is_due_runs(tick: Tick, insert: Insert, sql: Sql) -> None:
    insert("later=good")
    insert("due=good", due=True)
    told = tick()
    assert (told.code, told.details()) == (0, ["✅ due"])
    assert "Failed jobs:\n" not in told.out
    assert sql("select decision from hourhand.schedule_firings") == [("fired",)]
    assert tick().details() == []


def test_whatever_is_runnable_is_worked_children_and_other_queues_too(
    tick: Tick, insert: Insert, sql: Sql
) -> None:
    insert("parent")
    sql("insert into hourhand.job_runs (task, queue) values ('good', 'elsewhere')")
    told = tick("--all")
    assert sorted(told.details()) == ["✅ good", "✅ good", "✅ parent"]


def test_a_run_that_waits_for_its_retry_counts_as_failed(tick: Tick, insert: Insert) -> None:
    insert("flaky")
    told = tick("--all")
    assert (told.code, told.details()) == (1, ["❌ flaky"])
    assert "  - flaky: once more (waits for its retry)" in told.summary()


def test_the_limits_of_a_task_count_from_its_first_run_on(tick: Tick, insert: Insert, sql: Sql) -> None:
    insert("bad")
    assert tick("--all").code == 1
    assert sql("select status, max_attempts from hourhand.job_runs") == [("failed", 1)]


def sequence(sql: Sql, *steps: str) -> None:
    """A schedule that is due."""
    payload = json.dumps({"steps": [{"task": step} for step in steps]})
    sql(
        "insert into hourhand.scheduled_jobs (name, task, cron, payload) values ('nightly', 'hourhand.sequence', '0 0 1 1 *', %s)",
        payload,
    )
    sql("update hourhand.scheduled_jobs set next_run_at = now() - interval '1 second'")


def test_a_sequence_is_told_by_its_steps(tick: Tick, sql: Sql) -> None:
    sequence(sql, "good", "slow", "good")
    told = tick()
    assert told.code == 0
    assert told.started() == ["good", "slow", "good"]
    assert told.details() == ["✅ good", "✅ slow", "✅ good"]
    assert "Successful jobs: 3/3" in told.summary()
    assert sql("select status from hourhand.job_runs where task = 'hourhand.sequence'") == [("completed",)]


def test_a_failed_step_is_listed_and_stops_no_other(tick: Tick, sql: Sql) -> None:
    sequence(sql, "good", "bad", "slow")
    told = tick()
    assert told.code == 1
    assert told.details() == ["✅ good", "❌ bad", "✅ slow"]
    assert "Successful jobs: 2/3\nFailed jobs: 1/3" in told.summary()
    assert "  - bad: API rate limit exceeded" in told.summary()


def test_a_step_that_is_tried_again_is_waited_for(tick: Tick, sql: Sql) -> None:
    sequence(sql, "recovers", "good")
    told = tick()
    assert told.started() == ["recovers", "recovers (attempt 2)", "good"]
    assert (told.code, told.details()) == (0, ["✅ recovers", "✅ good"])


def test_a_step_that_nobody_here_knows_is_not_waited_for(tick: Tick, sql: Sql) -> None:
    sequence(sql, "good", "elsewhere", "good")
    told = tick()
    assert (told.code, told.started()) == (1, ["good"])
    assert "  - nightly: step 2 of 3 is not over: elsewhere" in told.summary()


def test_a_sequence_whose_payload_is_wrong_is_told_itself(tick: Tick, sql: Sql) -> None:
    sequence(sql)
    told = tick()
    assert (told.code, told.details()) == (1, ["❌ nightly"])
    assert "  - nightly: steps: " in told.summary()


def test_all_leaves_fleets_to_their_items(tick: Tick, insert: Insert, sql: Sql) -> None:
    insert("good", "fleet=good")
    sql("""update hourhand.scheduled_jobs set rank_intervals = '{"1": "1 day"}' where name = 'fleet'""")
    assert tick("--all").details() == ["✅ good"]


def test_a_task_that_is_not_known_here_is_told(tick: Tick, insert: Insert) -> None:
    insert("lonely=nowhere")
    told = tick("--all")
    assert (told.code, told.details()) == (1, ["❌ lonely"])
    assert "no task is called nowhere here" in told.summary()


def test_nothing_is_started_after_max_time(tick: Tick, insert: Insert) -> None:
    insert("first=slow", "second=slow")
    told = tick("--only", "first", "second", "--max-time", "0.5")
    assert told.details() == ["✅ first", "❌ second"]
    assert "  - second: not started: the time was over (--max-time)" in told.summary()
    assert told.code == 1


def test_what_tasks_write_goes_to_stderr(tick: Tick, insert: Insert) -> None:
    insert("noisy")
    told = tick("--all", PYTHONIOENCODING="ascii:strict")
    assert told.code == 0
    assert "by the task" not in told.out
    assert "printed by the task" in told.err
    assert "logged by the task" in told.err


def test_runs_that_a_worker_elsewhere_takes_are_waited_for(
    tick: Tick, insert: Insert, sql: Sql, tmp_path: Path, environment: dict[str, str], database_url: str
) -> None:
    insert("slow", "bad")
    with worker(tmp_path, {**environment, "DATABASE_URL": database_url}):
        eventually(lambda: sql("select 1 from hourhand.services where kind = 'worker'"), timeout=20)
        told = tick("--only", "slow", "bad", HOURHAND_TASKS="")
    assert told.details() == ["✅ slow", "❌ bad"]
    assert "API rate limit exceeded" in told.summary()
    assert told.code == 1


@contextmanager
def worker(directory: Path, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "hourhand", "worker"], cwd=directory, env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


# --- Without a database, and wrongly used ---


def test_it_brings_its_own_database_and_takes_it_along(tmp_path: Path, environment: dict[str, str]) -> None:
    told = run(tmp_path, environment)
    assert (told.code, told.details()) == (0, []), told.err
    assert running(tmp_path / ".hourhand") is None
    refused = run(tmp_path, {**environment, "HOURHAND_ENV": "production"})
    assert refused.code == 78


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--all", "--only", "good"], 2, "exclude each other"),
        (["good"], 2, "names follow --only"),
        (["--only", "nobody"], 1, 'no schedule "nobody"'),
        (["--tasks", "nowhere"], 78, "no module nowhere"),
    ],
)
def test_wrong_use_is_told(tick: Tick, arguments: list[str], code: int, message: str) -> None:
    told = tick(*arguments)
    assert (told.code, told.out) == (code, "")
    assert message in told.err


def test_a_run_claimed_before_the_last_has_ended_is_told_in_its_turn() -> None:
    lines: list[str] = []
    story = Story(lines.append)
    story.started(1, "first", 1)
    story.started(2, "second", 1)
    assert [line for line in lines if "second" in line] == []
    story.ended(2, State.COMPLETED, 5, "")
    story.ended(1, State.FAILED, 7, "boom")
    assert [line.strip("=\n") for line in lines] == [
        "🔄 Starting job: first",
        "❌ Job failed: first (7ms): boom",
        "🔄 Starting job: second",
        "✅ Job completed: second (5ms)",
    ]
