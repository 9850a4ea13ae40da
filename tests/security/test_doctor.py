"""`hourhand doctor` tells what is open, and what closes it."""

import pytest

from tests.cli.conftest import run
from tests.security.conftest import Sql, migrated


def test_the_doctor_names_who_may_do_too_much(
    database_url: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert "ok        access: nobody may do more than is due" in run("doctor").out
    sql("grant usage on schema hourhand to anon; grant execute on all functions in schema hourhand to anon")
    sql(
        "grant delete on hourhand.queues to authenticated; alter table hourhand.tasks disable row level security"
    )
    told = run("doctor").out
    assert "anon may execute" in told
    assert "usage 1 schema (hourhand)" in told
    assert "authenticated may delete 1 table (hourhand.queues)" in told
    assert "row security is off on hourhand.tasks" in told
    assert "hourhand migrate" in told
    migrated(database_url)
    assert "ok        access: nobody may do more than is due" in run("doctor").out
