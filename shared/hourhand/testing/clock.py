"""The clock of a test database: everything that hourhand decides there goes by it."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from hourhand.durations import in_seconds
from hourhand.errors import HourhandError
from hourhand.transport.postgres import PostgresTransport

_TEST_NAME = re.compile(r"(^|[_-])tests?([_-]|\d*$)")

_REPLACE = """
create schema if not exists hourhand_testing;
create table if not exists hourhand_testing.clock (
  one boolean primary key default true check (one),
  frozen_at timestamptz,
  shift interval not null default '0'
);
insert into hourhand_testing.clock default values on conflict do nothing;
grant usage on schema hourhand_testing to public;
grant select on hourhand_testing.clock to public;
create or replace function hourhand.clock()
returns timestamptz
language sql volatile set search_path = ''
as $$ select coalesce(c.frozen_at, clock_timestamp()) + c.shift from hourhand_testing.clock c $$;
"""


class NotATestDatabase(HourhandError):  # noqa: N818
    """Time is moved in test databases only."""


class DatabaseClock:
    """Replaces the clock of one test database until it is closed; a context manager.

    Refuses (NotATestDatabase) a database whose name does not have the word `test` in it, such as
    `hourhand_test` or `test_1`. Needs the schema's owner, over a direct connection.
    """

    def __init__(self, url: str) -> None:
        name = urlsplit(url).path.removeprefix("/")
        if not _TEST_NAME.search(name):
            raise NotATestDatabase(
                f"the time of the database {name!r} is not to be changed",
                "Use a database whose name has the word test in it, such as hourhand_test.",
            )
        self._database = PostgresTransport(url, application_name="hourhand-testing", patience=5.0)
        self._database.execute(_REPLACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Put the real clock back."""
        with closing(self._database) as database:
            database.execute(_real_clock())
            database.execute("drop schema if exists hourhand_testing cascade")

    def now(self) -> datetime:
        """What the database takes for now, in UTC."""
        now: datetime = self._database.query("select hourhand.clock()")[0][0]
        return now.astimezone(UTC)

    def freeze(self, at: datetime | None = None) -> None:
        """Let time stand still, at the (aware) instant given, or now."""
        self._set(frozen_at=_literal(at or self.now()), shift="'0'")

    def travel(self, to: datetime) -> None:
        """Go to an (aware) instant; a time that stood still goes on standing there."""
        self.advance(to - self.now())

    def advance(self, duration: timedelta | float) -> None:
        """Go on by a timedelta or seconds; back, if it is negative."""
        self._set(shift=f"shift + make_interval(secs => {float(in_seconds(duration))!r})")

    def reset(self) -> None:
        """The real time again, going on."""
        self._set(frozen_at="null", shift="'0'")

    def _set(self, **columns: str) -> None:
        values = ", ".join(f"{name} = {value}" for name, value in columns.items())
        self._database.execute(f"update hourhand_testing.clock set {values} where one")  # noqa: S608


def _real_clock() -> str:
    return files("hourhand.sql").joinpath("functions/clock.sql").read_text(encoding="utf-8")


def _literal(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: use an aware datetime")
    return f"timestamptz '{at.isoformat()}'"
