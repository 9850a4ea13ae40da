"""`hourhand run now`, as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hourhand import Client
from tests.support.waiting import eventually

TASKS = """
import time
from hourhand import task, Run

@task("greet", queue="slow", max_attempts=4)
def greet(name: str, run: Run) -> dict:
    print("printed")
    run.log.info("greeting {}", name)
    return {"said": f"hello {name}"}

@task("break")
def broken() -> None:
    raise ValueError("no such feed")

@task("sleep")
async def sleep() -> None:
    import asyncio
    await asyncio.sleep(600)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Start:
    (tmp_path / "my_tasks.py").write_text(TASKS)

    def start(*arguments: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "DATABASE_URL": database_url, "HOURHAND_SHUTDOWN_SECONDS": "0"}
        command = [sys.executable, "-m", "hourhand", "run", "now", *arguments, "--tasks", "my_tasks"]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


def test_the_task_runs_here_and_is_recorded(start: Start, client: Client) -> None:
    process = start("greet", "--payload", '{"name": "you"}')
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, '{"said": "hello you"}\n')
    assert "printed" in err
    assert "greeting you" in err
    [run] = client.runs.list()
    assert (run.task, run.status) == ("greet", "completed")
    assert [line.message for line in client.runs.logs(run.id)] == ["greeting you"]


def test_a_failure_is_final_and_exits_with_1(start: Start, client: Client) -> None:
    process = start("break")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "no such feed" in err
    [run] = client.runs.list()
    assert (run.status, run.attempt) == ("failed", 1)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_cancelled(start: Start, client: Client, stop: signal.Signals) -> None:
    process = start("sleep")
    eventually(lambda: [run for run in client.runs.list() if run.started_at], 30)
    process.send_signal(stop)
    process.communicate(timeout=60)
    assert process.returncode == 130
    [run] = client.runs.list()
    assert run.status == "cancelled"


def test_an_unknown_task_is_told_with_the_one_that_may_be_meant(start: Start, client: Client) -> None:
    process = start("gret")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Did you mean greet?" in err
    assert client.runs.list() == []


def test_a_bad_payload_is_refused_before_anything_is_recorded(start: Start, client: Client) -> None:
    process = start("greet", "--payload", '{"nam": "you"}')
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "name" in err
    assert client.runs.list() == []
