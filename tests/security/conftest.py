"""Databases as a migrated Supabase project has them: made by an owner who is no superuser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from hourhand import migrate
from hourhand.transport.postgres import PostgresTransport
from tests.support import postgrest
from tests.support.databases import Postgres

Sql = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def project(postgres: Postgres) -> Iterator[str]:
    """The template."""
    with postgrest.project_template(postgres) as template:
        yield template


@pytest.fixture
def database_url(postgres: Postgres, project: str) -> Iterator[str]:
    with postgres.database(template=project) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres: Postgres) -> Iterator[str]:
    """A project before the first migration."""
    postgrest.ensure_roles(postgres.url)
    with postgres.database() as url:
        postgrest.give_to_owner(url)
        yield url


@contextmanager
def as_role(url: str, role: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection that has left its superuser behind, as PostgREST does for each request."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"set session authorization {role}".encode())
        yield connection


@contextmanager
def owner(url: str) -> Iterator[PostgresTransport]:
    transport = PostgresTransport(
        postgrest.url_as(url, postgrest.OWNER), application_name="hourhand-tests", patience=5.0
    )
    try:
        yield transport
    finally:
        transport.close()


def migrated(url: str) -> None:
    with owner(url) as transport:
        migrate.apply(transport)
