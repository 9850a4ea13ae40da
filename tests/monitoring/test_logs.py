"""The logs of real workers: every line of a task has its run, and nothing that happens to the log ends the worker.

What the log does by itself (rotation, a full disk, two of one name) is tested in tests/shared/test_log.py.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hourhand.transport import Transport
from tests.support.waiting import eventually

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker with these variables in its environment."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        *options: str, service: str = "worker", stdout: Any = subprocess.DEVNULL, **variables: str
    ) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "HOURHAND_LOG_DIR": str(tmp_path / "logs"),
            "HOURHAND_LOG_FORMAT": "json",
            "HOURHAND_TASKS": "tests.monitoring.log_tasks",
            "LOG_OF_MINE": str(tmp_path / "logs" / "job-worker-one.log.mine"),
            "JOB_WORKER_POLL_MS": "200",
            **variables,
        }
        root = Path(__file__).parents[2]
        named = ("--name", "one") if service == "worker" else ()
        command = [sys.executable, "-m", "hourhand", service, *named, *options]
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=stdout, stderr=stdout)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(10)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def has(file: Path, event: str) -> bool:
    return any(line["event"] == event for line in lines(file))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "job-worker-one.log"


def end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


def test_every_line_of_a_task_has_the_id_of_its_run_and_no_secret(
    start: Start, log: Path, transport: Transport
) -> None:
    run_id = transport.call("enqueue", {"p_task": "talk"})["id"]
    process = start()
    eventually(lambda: has(log, "run.finished"), 30)
    assert end(process) == 0
    said = [line for line in lines(log) if line["message"].startswith("said by")]
    assert len(said) == 3
    assert {line["run_id"] for line in said} == {run_id}
    assert "hunter2" not in log.read_text() + Path(f"{log}.mine").read_text()


def test_logrotate_moves_the_file_and_a_hangup_opens_a_new_one(
    start: Start, log: Path, transport: Transport
) -> None:
    process = start(HOURHAND_LOG_ROTATE_MB="0")
    eventually(lambda: has(log, "session.opened"), 30)
    old = log.rename(log.with_suffix(".log.1"))
    process.send_signal(signal.SIGHUP)
    # The signal takes effect between two steps: a run may still be told of in the old file.
    eventually(
        lambda: transport.call("enqueue", {"p_task": "talk"}) and has(log, "run.finished"), 30, interval=0.5
    )
    assert end(process) == 0
    assert has(old, "session.opened")
    assert has(log, "session.closed")


def test_a_signal_tells_what_a_worker_is_doing(
    start: Start, log: Path, transport: Transport, tmp_path: Path
) -> None:
    run_id = transport.call(
        "enqueue", {"p_task": "linger", "p_payload": {"until": str(tmp_path / "enough")}}
    )["id"]
    process = start()
    eventually(lambda: has(log, "run.started"), 30)
    process.send_signal(signal.SIGUSR1)
    eventually(lambda: has(log, "worker.state"), 10)
    (state,) = [line for line in lines(log) if line["event"] == "worker.state"]
    assert state["held"] == [run_id]
    (tmp_path / "enough").touch()
    assert end(process) == 0


def test_an_admin_takes_the_same_signals(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "admin.log"
    process = start("--port", "0", service="admin")
    eventually(lambda: has(log, "admin.started"), 30)
    [address] = [line["address"] for line in lines(log) if line["event"] == "admin.started"]
    assert httpx.get(f"{address}/healthz", timeout=30).is_success  # now it hears signals, too
    log.rename(log.with_suffix(".log.1"))
    process.send_signal(signal.SIGHUP)

    def told() -> bool:
        process.send_signal(signal.SIGUSR1)
        return has(log, "admin.state")

    eventually(told, 30, interval=0.5)  # of two signals at once, the second may be heard first
    state = next(line for line in lines(log) if line["event"] == "admin.state")
    assert state["requests"] >= 1
    assert end(process) == 0


def test_a_worker_goes_on_when_nobody_reads_its_output_any_more(
    start: Start, log: Path, transport: Transport
) -> None:
    reading, writing = os.pipe()
    process = start(stdout=writing)
    os.close(writing)
    eventually(lambda: has(log, "session.opened"), 30)
    os.close(reading)  # as when its supervisor was killed
    for _ in range(3):
        transport.call("enqueue", {"p_task": "talk"})
    eventually(lambda: transport.call("count_runs")["groups"][0]["statuses"].get("completed") == 3, 30)
    assert end(process) == 0


def test_a_worker_goes_on_when_its_log_cannot_be_written(
    start: Start, transport: Transport, tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("a file where the directory should be")
    process = start()
    transport.call("enqueue", {"p_task": "talk"})
    eventually(lambda: transport.call("get_status")["runs_per_hour"], 30)
    assert end(process) == 0


def test_a_full_disk_stops_no_run(start: Start, log: Path, transport: Transport) -> None:
    log.parent.mkdir()
    log.symlink_to("/dev/full")
    process = start()
    transport.call("enqueue", {"p_task": "talk"})
    eventually(lambda: transport.call("get_status")["runs_per_hour"], 30)
    assert end(process) == 0
