"""Real daemons under a stand-in for systemd: a socket that hears what they say."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(20)
        yield ear


@pytest.mark.parametrize("kind", ["scheduler", "worker"])
def test_a_daemon_says_when_it_is_ready_alive_and_stopping(
    kind: str, ear: socket.socket, tmp_path: Path, database_url: str
) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "HOURHAND_TRANSPORT": "postgres",
        "HOURHAND_TASKS": "hourhand.demo",
        "JOB_SCHEDULER_POLL_MS": "200",
        "JOB_WORKER_POLL_MS": "200",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "1500000",
    }
    environment.pop("WATCHDOG_PID", None)
    with subprocess.Popen(
        [sys.executable, "-m", "hourhand", kind], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as daemon:
        try:
            assert ear.recv(4096).decode().split("\n") == [
                "READY=1",
                f"MAINPID={daemon.pid}",
            ]
            begun = time.monotonic()
            assert [ear.recv(4096) for _ in range(6)] == [b"WATCHDOG=1"] * 6
            assert time.monotonic() - begun > 0.7, "it says so at its polls, not all the time"

            daemon.send_signal(signal.SIGTERM)
            while (said := ear.recv(4096)) == b"WATCHDOG=1":
                pass
            assert said.startswith(b"STOPPING=1")
            assert daemon.wait(20) == 0
        finally:
            daemon.kill()
