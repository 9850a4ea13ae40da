"""Databases for tests: one migrated template for the session, a copy of it for each test."""

import os
import re
import shutil
import tempfile
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

_MEMORY = Path("/dev/shm")
_NAME = "hourhand-test-"


@dataclass(frozen=True)
class Postgres:
    """A running server. `url` is that of its maintenance database, for a superuser."""

    url: str
    strategy: str = "wal_log"
    """How a database is copied: `file_copy` costs less where nothing has to reach the disk."""
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
        self.run(f"create database {name} template {template} strategy {self.strategy}")
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
def place(otherwise: Path) -> Iterator[Path]:
    """Where a server may keep what nobody needs afterwards: in memory if there is plenty, where a new database
    costs a tenth of what it costs on a disk.
    """
    if not _is_plenty(_MEMORY):
        yield otherwise
        return
    for left in _MEMORY.glob(f"{_NAME}*"):  # by tests that were killed
        if not Path("/proc", left.name.removeprefix(_NAME).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix=f"{_NAME}{os.getpid()}-") as directory:
        yield Path(directory, otherwise.name)


def _is_plenty(memory: Path) -> bool:
    if not memory.is_mount():
        return False
    available = re.search(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    return available is not None and min(int(available[1]) * 1024, shutil.disk_usage(memory).free) > 6 * 2**30


@contextmanager
def server(data_dir: Path) -> Iterator[Postgres]:
    """The server that HOURHAND_TEST_DATABASE_URL names, else one in `data_dir` for the session.

    HOURHAND_TEST_PG_BIN is the directory of the programs of another major for it.
    """
    if url := os.environ.get("HOURHAND_TEST_DATABASE_URL"):
        yield Postgres(url)
        return
    pg_bin = os.environ.get("HOURHAND_TEST_PG_BIN")
    with (
        place(data_dir) as directory,
        Server(directory, pg_bin=Path(pg_bin) if pg_bin else None, fsync=False) as embedded,
    ):
        yield Postgres(embedded.url, "file_copy")
