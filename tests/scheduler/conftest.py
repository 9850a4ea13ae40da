"""What the tests of the scheduler share."""

from collections.abc import Callable
from datetime import datetime, timedelta
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
