"""`hourhand logs`."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hourhand_admin.terminal.log_tail import Follower
from tests.cli.conftest import run

SCHEDULER = (
    "2026-01-01T00:00:01.000Z INFO    [Scheduler] fired\n2026-01-01T00:00:04.000Z INFO    [Scheduler] again\n"
)
WORKER = "2026-01-01T00:00:02.000Z ERROR   [Worker] failed\n  Traceback\n2026-01-01T00:00:03.000Z INFO    [Worker] ran\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "job-scheduler.log").write_text(SCHEDULER)
    (tmp_path / "job-worker-1.log").write_text(WORKER)
    (tmp_path / "job-worker-1.log.1.gz").write_text("rotated\n")
    (tmp_path / "other.log").write_text("foreign\n")
    return tmp_path


def test_the_lines_of_all_services_come_in_the_order_of_their_times(directory: Path) -> None:
    done = run("logs", "--dir", directory)
    assert [line.split()[-1] for line in done.out.splitlines()] == [
        "fired",
        "failed",
        "Traceback",
        "ran",
        "again",
    ]
    assert done.out.splitlines()[1].startswith("job-worker-1  ")


def test_one_service_is_chosen(directory: Path) -> None:
    done = run("logs", "--dir", directory, "--service", "worker", "-n", 1)
    assert [line.split()[-1] for line in done.out.splitlines()] == ["ran"]


def test_an_unknown_service_is_refused(directory: Path) -> None:
    done = run("logs", "--dir", directory, "--service", "wroker")
    assert done.code == 2
    assert "'wroker'" in done.err
    assert "scheduler, worker, admin" in done.err


def test_json_gives_what_a_service_wrote_as_json(directory: Path) -> None:
    (directory / "admin.log").write_text('{"ts":"2026-01-01T00:00:05.000000Z","event":"x","message":"hi"}\n')
    lines = [json.loads(line) for line in run("logs", "--dir", directory, "--json").out.splitlines()]
    assert lines[0] == {"service": "scheduler", "source": "job-scheduler", "line": SCHEDULER.splitlines()[0]}
    assert (lines[-1]["service"], lines[-1]["event"]) == ("admin", "x")


def test_without_files_it_says_where_it_looked(tmp_path: Path) -> None:
    done = run("logs", HOURHAND_LOG_DIR=str(tmp_path / "none"))
    assert (done.code, done.out) == (0, "")
    assert str(tmp_path / "none") in done.err


def test_added_lines_are_followed_over_rotation_and_new_files(directory: Path) -> None:
    follower = Follower(directory, ())
    log = directory / "job-scheduler.log"

    def added() -> list[str]:
        return [line.text for line in follower.added()]

    assert added() == []
    with log.open("a") as file:
        file.write("one\nha")
    assert added() == ["one"]
    with log.open("a") as file:
        file.write("lf\nlast\n")
    log.rename(directory / "job-scheduler.log.1.gz")
    log.write_text("first\n")
    (directory / "job-worker-2.log").write_text("new\n")
    assert added() == ["half", "last", "first", "new"]
    follower.close()


def test_following_goes_on_until_it_is_stopped(directory: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "hourhand",
        "logs",
        "-f",
        "--service",
        "scheduler",
        "-n",
        "1",
        "--dir",
        str(directory),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "again" in process.stdout.readline()  # it watches before it writes
            with (directory / "job-scheduler.log").open("a") as file:
                file.write("added\n")
            assert process.stdout.readline() == "job-scheduler  added\n"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert process.returncode == 130
