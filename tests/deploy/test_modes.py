"""The modes of a start script, each as a command: in the foreground, in the background, status, stop.

The modes with a supervisor and with Docker have tests of their own beside this one.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually

pytestmark = pytest.mark.timeout(120)

TASKS = """
from hourhand import task

@task("analysis")
def analysis(n: int) -> int:
    return n
"""

Hourhand = Callable[..., "subprocess.CompletedProcess[str]"]
Sql = Callable[..., list[Any]]


@pytest.fixture
def hourhand(database_url: str, tmp_path: Path) -> Hourhand:
    """In a project with a task."""
    (tmp_path / "analyses.py").write_text(TASKS)
    environment = {**os.environ, "DATABASE_URL": database_url, "HOURHAND_TASKS": "analyses"}

    def hourhand(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "hourhand", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    return hourhand


def test_development_is_a_worker_in_the_foreground_that_says_much_and_ends(
    hourhand: Hourhand, transport: PostgresTransport, sql: Sql
) -> None:
    transport.call("enqueue_many", {"p_jobs": [{"task": "analysis", "payload": {"n": n}} for n in range(3)]})
    done = hourhand("worker", "--interval", "5", "--max-jobs", "2", "--log-level", "DEBUG")
    assert done.returncode == 0, done.stderr
    assert "Polling every 5 seconds" in done.stdout
    assert "session.opened" in done.stdout  # what only programs read otherwise
    found = sql("select status, count(*) from hourhand.job_runs group by 1 order by 1")
    assert found == [("completed", 2), ("pending", 1)]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        return str(ear.getsockname()[1])


def test_background_status_and_stop(hourhand: Hourhand, transport: PostgresTransport, sql: Sql) -> None:
    assert hourhand("status").returncode == 1
    started = hourhand("up", "--detach", "--port", free_port())
    try:
        assert started.returncode == 0, started.stderr
        run = transport.call("enqueue", {"p_task": "analysis", "p_payload": {"n": 1}})["id"]
        eventually(
            lambda: sql("select status from hourhand.job_runs where id = %s", run) == [("completed",)], 30
        )
        status = hourhand("status")
        assert status.returncode == 0, status.stdout
        assert all(service in status.stdout for service in ("scheduler", "worker", "admin"))
    finally:
        stopped = hourhand("stop")
    assert stopped.returncode == 0
    assert "Stopped process" in stopped.stderr
    assert hourhand("status").returncode == 1
