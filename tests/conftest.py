"""Fixtures for all tests. Each test that asks for `database_url` gets a fresh, migrated database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from hourhand.transport.postgres import PostgresTransport
from tests.support import databases
from tests.support import postgrest as supabase

Connection = psycopg.Connection[TupleRow]


@pytest.fixture
def database_url(postgres: databases.Postgres, migrated: str) -> Iterator[str]:
    """A database of its own with hourhand's schema."""
    with postgres.database(template=migrated) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres: databases.Postgres) -> Iterator[str]:
    """A database of its own without hourhand's schema."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def supabase_url(postgres: databases.Postgres, supabase_template: str) -> Iterator[str]:
    """The database of a Supabase project of its own, for a superuser: migrated by an owner who is none."""
    with postgres.database(template=supabase_template) as url:
        supabase.give_to_owner(url)
        yield url


@pytest.fixture
def postgrest(supabase_url: str, tmp_path: Path) -> Iterator[supabase.PostgREST]:
    """A real PostgREST in front of the database `supabase_url`."""
    with supabase.postgrest(supabase_url, tmp_path / "postgrest.log") as it:
        yield it


@pytest.fixture
def transport(database_url: str) -> Iterator[PostgresTransport]:
    transport = PostgresTransport(database_url, application_name="hourhand-tests", patience=5.0)
    yield transport
    transport.close()


@pytest.fixture
def connect(database_url: str) -> Iterator[Callable[..., Connection]]:
    """Opens psycopg connections to the test's database (autocommit unless told otherwise)."""
    with ExitStack() as stack:

        def connect(*, autocommit: bool = True, **parameters: Any) -> Connection:
            connection = psycopg.connect(database_url, autocommit=autocommit, **parameters)
            stack.callback(connection.close)
            return connection

        yield connect


@pytest.fixture
def sql(connect: Callable[..., Connection]) -> Callable[..., list[TupleRow]]:
    """Runs one statement in the test's database and returns its rows: `sql("select %s", 1)`."""
    connection = connect()

    def sql(query: str, *params: object) -> list[TupleRow]:
        cursor = connection.execute(query.encode(), params or None)
        return cursor.fetchall() if cursor.description else []

    return sql
