"""What the tests of the scheduler share."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import TupleRow

from hourhand.settings import Settings, load_settings
from hourhand.transport import Transport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session

Sql = Callable[..., list[TupleRow]]
Insert = Callable[..., int]
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return load_settings(database_url=database_url)


@pytest.fixture
def scheduler(transport: Transport, settings: Settings) -> Scheduler:
    return make_scheduler(transport, settings)


def make_scheduler(transport: Transport, settings: Settings) -> Scheduler:
    journal = Journal()
    session = Session(transport, journal, lease=300)
    session.open()
    return Scheduler(transport, settings, session, journal)


@pytest.fixture
def insert(sql: Sql) -> Insert:
    """Inserts a schedule as any user may, and answers its id; `due` sets its cursor that long ago."""

    def insert(name: str = "news", *, due: timedelta | None = None, **columns: Any) -> int:
        columns = {"name": name, "task": "work", **columns}
        if not columns.keys() & {"cron", "every", "run_at"}:
            columns["cron"] = "0 0 1 1 *"
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        ((id_,),) = sql(
            f"insert into hourhand.scheduled_jobs ({names}) values ({marks}) returning id", *columns.values()
        )
        if due is not None:
            sql("update hourhand.scheduled_jobs set next_run_at = now() - %s where id = %s", due, id_)
        return int(id_)

    return insert


@pytest.fixture
def ledger(sql: Sql) -> Callable[[int], list[tuple[str, datetime, int]]]:
    """What was decided about a schedule: decision, instant, count."""

    def ledger(schedule: int) -> list[tuple[str, datetime, int]]:
        query = "select decision, scheduled_for, count from hourhand.schedule_firings where schedule_id = %s order by 2"
        return [(row[0], row[1], row[2]) for row in sql(query, schedule)]

    return ledger


# --- Processes ---


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `hourhand scheduler` processes; whatever is still there at the end is killed."""
    with ExitStack() as stack:

        def start(*arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
            return stack.enter_context(_process(tmp_path, database_url, arguments, variables))

        yield start


@contextmanager
def _process(
    directory: Path, url: str, arguments: tuple[str, ...], variables: dict[str, str]
) -> "Iterator[subprocess.Popen[bytes]]":
    environment = {**os.environ, "DATABASE_URL": url, "HOURHAND_LOG_FORMAT": "json", **variables}
    with open(directory / "scheduler.log", "ab") as log:
        command = [sys.executable, "-m", "hourhand", "scheduler", *arguments]
        process = subprocess.Popen(command, env=environment, cwd=directory, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=15)


def count(sql: Sql, query: str, *params: object) -> int:
    ((found,),) = sql(query, *params)
    return int(found)
