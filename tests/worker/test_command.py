"""`hourhand worker` as users start it."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hourhand_worker.command import worker
from tests.support import eventually
from tests.worker.workshop import Workshop

TASKS = """
from hourhand import task

@task("fine")
async def fine() -> str:
    return "fine"

@task("broken", max_attempts=1)
def broken() -> None:
    raise ValueError("no")

@task("hungry")
def hungry() -> int:
    global held
    held = bytearray(300 * 2**20)
    return len(held)
"""


def test_draining_ends_with_0_when_all_runs_ended_well(shop: Workshop):
    run = shop.enqueue("fine")
    process = shop.spawn(TASKS, "--drain")
    assert process.wait() == 0
    assert shop.status(run) == "completed"


def test_draining_ends_with_1_when_a_run_failed(shop: Workshop):
    run = shop.enqueue("broken", max_attempts=1)
    assert shop.spawn(TASKS, "--drain").wait() == 1
    assert shop.status(run) == "failed"


def test_a_worker_above_its_memory_limit_ends_with_75(shop: Workshop):
    process = shop.spawn(TASKS, HOURHAND_MEMORY_LIMIT_MB="200", JOB_WORKER_POLL_MS="100")
    run = shop.enqueue("hungry")
    assert process.wait() == 75
    assert shop.status(run) == "completed"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_idle_worker_is_small(shop: Workshop):
    process = shop.spawn(TASKS)
    run = shop.enqueue("fine")
    eventually(lambda: shop.status(run) == "completed", 20)
    with open(f"/proc/{process.popen.pid}/status") as file:
        [resident] = [line.split()[1] for line in file if line.startswith("VmRSS")]
    assert int(resident) / 1024 <= 60


def test_the_event_log_tells_the_life_of_a_run_in_order(shop: Workshop):
    run = shop.enqueue("fine")
    process = shop.spawn(TASKS, "--drain")
    assert process.wait() == 0
    told = [json.loads(line) for line in process.log.splitlines()]
    events = [line["event"] for line in told]
    assert events[0] == "session.opened"
    assert events[-1] == "session.closed"
    life = ["run.claimed", "run.started", "run.finish.intent", "run.finished"]
    of_run = [line for line in told if line.get("run_id") == run]
    assert [line["event"] for line in of_run] == life
    assert events.index("run.claim.intent") < events.index("run.claimed")
    columns = shop.run(run)
    for line in of_run:
        assert line["service"] == "worker"
        assert (line["token"], line["session"], line["attempt"]) == (
            columns["token"],
            columns["session_id"],
            1,
        )
    assert of_run[-1]["outcome"] == "completed"
    assert of_run[-1]["duration_ms"] >= 0


def test_the_text_log_keeps_the_known_lines(shop: Workshop):
    run = shop.enqueue("fine")
    process = shop.spawn(TASKS, HOURHAND_LOG_FORMAT="text")
    eventually(lambda: shop.status(run) == "completed", 20)
    eventually(lambda: f"[Worker] Processing job run {run} (fine)" in process.log)
    assert "[Worker] hourhand worker started. Polling every 30 seconds" in process.log
    assert "intent" not in process.log


def ends_with(code: int, says: str, *arguments: str, **environment: str) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "hourhand", "worker", *arguments],
        env={**bare, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert says in done.stderr + done.stdout
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_worker_without_tasks_says_how_to_name_them(database_url: str):
    ends_with(78, "there are no tasks to run", DATABASE_URL=database_url)


def test_a_module_that_is_not_there_is_named(database_url: str):
    ends_with(78, "there is no module nowhere", "--tasks", "nowhere", DATABASE_URL=database_url)


def test_a_database_without_the_schema_is_refused(empty_database_url: str):
    ends_with(78, "hourhand migrate", "--tasks", "hourhand.demo", DATABASE_URL=empty_database_url)


def test_draining_a_database_that_cannot_be_reached_ends_with_69():
    address = "postgresql://postgres@127.0.0.1:1/postgres"
    ends_with(69, "127.0.0.1", "--drain", "--tasks", "hourhand.demo", DATABASE_URL=address)


@pytest.mark.parametrize(
    "arguments", [["--once", "--drain"], ["--max-time", "soon"], ["--batch", "0"], ["--max-jobs", "-1"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str]):
    assert CliRunner().invoke(worker, arguments).exit_code == 2
