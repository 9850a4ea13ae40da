"""Schedules as code: the file of HOURHAND_SCHEDULES, applied by real schedulers and by `hourhand up`."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scheduler.conftest import Sql
from tests.support import eventually

GOOD = "schedules:\n- {name: news, task: t, every: 1h}\n- {name: more, task: t, cron: 0 3 * * *}\n"
BROKEN = "schedules:\n- {name: news, task: t, every: never}\n"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def start(database_url: str, file: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `hourhand …` with the file in the environment."""
    with ExitStack() as stack:

        def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
            settings = {
                "DATABASE_URL": database_url,
                "HOURHAND_TRANSPORT": "postgres",
                "HOURHAND_SCHEDULES": "schedules.yaml",
                **environment,
            }
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "hourhand", *map(str, arguments)],
                    cwd=tmp_path,
                    env={**os.environ, **settings},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        yield start


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=60)[0]


def names(sql: Sql) -> list[str]:
    return [row[0] for row in sql("select name from hourhand.scheduled_jobs order by name")]


def test_the_file_is_applied_at_start_and_again_changes_nothing(start: Start, sql: Sql) -> None:
    first = start("scheduler", "--once")
    assert "schedules.yaml: 2 create" in said(first)
    assert first.returncode == 0
    assert names(sql) == ["more", "news"]
    assert sql("select count(*) from hourhand.scheduled_jobs where next_run_at is not null") == [(2,)]
    assert "schedules.yaml: 2 unchanged" in said(start("scheduler", "--once"))
    assert sql("select distinct action, actor from hourhand.audit_log where subject = 'news'") == [
        ("schedule.created", "postgres (hourhand-scheduler)")
    ]


def test_schedules_that_the_file_does_not_name_stay(start: Start, sql: Sql) -> None:
    sql("insert into hourhand.scheduled_jobs (name, task, every) values ('by hand', 't', '1 hour')")
    assert "2 create, 1 only in database" in said(start("scheduler", "--once"))
    assert names(sql) == ["by hand", "more", "news"]


@pytest.mark.parametrize("arguments", [["scheduler"], ["scheduler", "--once"], ["up"]])
def test_a_broken_file_ends_it_with_78_before_anything_else(
    start: Start, file: Path, sql: Sql, arguments: list[str]
) -> None:
    file.write_text(BROKEN)
    process = start(*arguments, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert "schedules.yaml:2: news: every: 'never' is not a duration" in said(process)
    assert process.returncode == 78
    assert names(sql) == []


def test_a_file_that_the_database_refuses_ends_a_scheduler_with_78(
    start: Start, file: Path, sql: Sql
) -> None:
    file.write_text("schedules:\n- {name: a, task: t, every: 1h, rank_intervals: {1: 1d}, payload: [1]}\n")
    process = start("scheduler")
    assert 'schedule "a"' in said(process)
    assert process.returncode == 78
    assert names(sql) == []


def test_schedulers_that_start_at_once_agree(start: Start, file: Path, sql: Sql) -> None:
    many = "".join(f"- {{name: s{n}, task: t, every: 1h}}\n" for n in range(50))
    file.write_text(f"schedules:\n{many}")
    processes = [start("scheduler", "--once") for _ in range(3)]
    assert [(said(process), process.returncode)[1] for process in processes] == [0, 0, 0]
    assert len(names(sql)) == 50
    assert sql("select count(*) from hourhand.audit_log where action = 'schedule.created'") == [(50,)]


def test_a_hangup_applies_the_file_as_it_is_now(start: Start, file: Path, sql: Sql, tmp_path: Path) -> None:
    process = start("scheduler", HOURHAND_LOG_DIR=str(tmp_path / "logs"))
    log = tmp_path / "logs" / "job-scheduler.log"
    eventually(lambda: len(names(sql)) == 2, 30)
    eventually(lambda: log.exists() and "started. Polling" in log.read_text(), 30)
    file.write_text(GOOD + "- {name: third, task: t, every: 2h}\n")
    process.send_signal(signal.SIGHUP)
    eventually(lambda: len(names(sql)) == 3, 30)
    file.write_text(BROKEN)
    process.send_signal(signal.SIGHUP)
    eventually(lambda: "Schedules stay as they are" in log.read_text(), 30)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    said(process)
    assert process.returncode == 0
    assert len(names(sql)) == 3


@pytest.mark.slow
def test_up_takes_the_file_as_an_option(start: Start, file: Path, sql: Sql, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("schedules:\n- {name: other, task: t, every: 1h}\n")
    process = start("up", "--schedules", "other.yaml", "--port", 18_734)
    eventually(lambda: names(sql) == ["other"], 60)
    process.send_signal(signal.SIGINT)
    said(process)
    assert process.returncode == 0
