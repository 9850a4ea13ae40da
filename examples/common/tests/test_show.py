"""The example run in one go: what it waits for, and what it says when it ends early."""

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from examples.common import show
from examples.common.database import Connection
from examples.common.site import serving
from examples.conftest import CHECKOUT
from hourhand.errors import HourhandError
from hourhand.records import RunRecord

WORKED = datetime(2026, 1, 1, tzinfo=UTC)


def run(status: str, seconds: float) -> RunRecord:
    return RunRecord.model_validate(
        {"id": 1, "task": "t", "status": status, "run_at": WORKED + timedelta(seconds=seconds)}
    )


def test_what_is_to_be_tried_again_is_waited_for() -> None:
    now = WORKED + timedelta(seconds=3)
    runs = [run("completed", -1), run("pending", 9), run("pending", 5)]
    assert show._next_look(runs, WORKED, now) == 2
    assert show._next_look([run("pending", 1)], WORKED, now) == 0
    assert show._next_look([run("failed", 5)], WORKED, now) is None
    assert show._next_look([run("pending", -1)], WORKED, now) is None  # nothing here can do it
    assert show._next_look([run("processing", -1), run("pending", 9)], WORKED, now) == show.SOON


def test_what_ends_an_example_early_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> int:
        raise HourhandError("no luck", "Try again.")

    def interrupted() -> int:
        raise KeyboardInterrupt

    assert (show.in_words(lambda: 3), show.in_words(refused), show.in_words(interrupted)) == (3, 1, 130)
    assert capsys.readouterr().err == (
        "Error: no luck\nTry again.\nInterrupted. What was done is kept: run it again to go on.\n"
    )


def test_ctrl_c_lets_a_worker_end_in_order_and_is_no_traceback(url: str, db: Connection) -> None:
    program = (
        "from examples.common.show import hourhand, in_words\n"
        f"print(in_words(lambda: hourhand({url!r}, 'worker', '--tasks', 'examples.news.tasks')))"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert started.stdout is not None
    assert "started. Polling every" in started.stdout.readline()
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert out.endswith("130\n")
    assert err == "Interrupted. What was done is kept: run it again to go on.\n"
    assert db.execute("select state from hourhand.services").fetchall() == [("closed",)]


def test_a_site_is_where_it_was_unless_somebody_else_is_there(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        port = int(first.rpartition(":")[2])
        with serving(tmp_path, port=port) as other:
            assert other != first
        with pytest.raises(HourhandError, match=f"no site at 127.0.0.1:{port}: "):
            serving(tmp_path, port=port, only_there=True).__enter__()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(tmp_path, port=port) as again:
        assert again == f"http://127.0.0.1:{port}"
