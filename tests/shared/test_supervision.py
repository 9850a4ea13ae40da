"""What supervisors hear, on real sockets and pipes."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hourhand import supervision

Hear = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_said", float("-inf"))


@pytest.fixture(params=["file", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hear]:
    """Gives what was said to the notify socket since the last time."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@hourhand-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(name.replace("@", "\0", 1))
        ear.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", name)

        def hear() -> list[str]:
            said = []
            while True:
                try:
                    said += ear.recv(4096).decode().split("\n")
                except BlockingIOError:
                    return said

        yield hear


def watched(monkeypatch: pytest.MonkeyPatch, seconds: float, pid: int | None = None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", str(round(seconds * 1_000_000)))
    monkeypatch.setenv("WATCHDOG_PID", str(pid or os.getpid()))


def test_ready_names_the_process(systemd: Hear) -> None:
    supervision.ready(60)

    assert systemd() == ["READY=1", f"MAINPID={os.getpid()}"]


def test_a_watchdog_is_fed_by_each_poll(systemd: Hear, monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch, 600)

    supervision.ready(60)
    assert systemd() == ["READY=1", f"MAINPID={os.getpid()}", "WATCHDOG=1"]
    supervision.alive()
    assert systemd() == [], "not more often than is needed"
    monkeypatch.setattr(supervision, "_said", time.monotonic() - 60)
    supervision.alive()
    assert systemd() == ["WATCHDOG=1"]


def test_a_watchdog_that_is_too_impatient_for_the_poll_is_told_to_wait(
    systemd: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(monkeypatch, 90)

    supervision.ready(60)

    assert "WATCHDOG_USEC=210000000" in systemd()


def test_a_watchdog_of_another_process_is_not_fed(systemd: Hear, monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch, 60, pid=1)

    supervision.alive()

    assert systemd() == []


def test_nonsense_in_the_environment_is_no_watchdog(systemd: Hear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "soon")

    supervision.alive()

    assert systemd() == []


def test_stopping_is_said(systemd: Hear) -> None:
    supervision.stopping()

    assert systemd() == ["STOPPING=1", "STATUS=stopping: running work may end"]


def test_pm2_hears_ready_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv("NODE_CHANNEL_FD", str(writing))

    supervision.ready(60)

    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == '"ready"\n'


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_without_a_supervisor_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("NODE_CHANNEL_FD", "not a number")
    watched(monkeypatch, 60)

    supervision.ready(60)
    supervision.alive()
    supervision.stopping()
