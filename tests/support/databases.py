"""Databases for tests: one migrated template for the session, a copy of it for each test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from hourhand import migrate
from hourhand.embedded import Server
from hourhand.transport.postgres import PostgresTransport


@dataclass(frozen=True)
class Postgres:
    """A running server. `url` is that of its maintenance database, for a superuser."""

    url: str
    prefix: str = field(default_factory=lambda: f"hourhand_test_{os.getpid()}_{uuid.uuid4().hex[:8]}")

    def url_of(self, database: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, which is dropped in the end whoever is still connected to it."""
        name = f"{self.prefix}_{uuid.uuid4().hex[:8]}"
        self.run(f"create database {name} template {template}")
        try:
            yield self.url_of(name)
        finally:
            self.run(f"drop database {name} with (force)")

    @contextmanager
    def template(self) -> Iterator[str]:
        """The name of a database with hourhand's schema, to be copied."""
        with self.database() as url:
            transport = PostgresTransport(url, application_name="hourhand-tests")
            try:
                migrate.apply(transport)
            finally:
                transport.close()
            yield urlsplit(url).path.removeprefix("/")


@contextmanager
def server(data_dir: Path) -> Iterator[Postgres]:
    """The server that HOURHAND_TEST_DATABASE_URL names, else one in `data_dir` for the session.

    HOURHAND_TEST_PG_BIN is the directory of the programs of another major for it.
    """
    if url := os.environ.get("HOURHAND_TEST_DATABASE_URL"):
        yield Postgres(url)
        return
    pg_bin = os.environ.get("HOURHAND_TEST_PG_BIN")
    with Server(data_dir, pg_bin=Path(pg_bin) if pg_bin else None, fsync=False) as embedded:
        yield Postgres(embedded.url)
