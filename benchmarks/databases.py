"""What the benchmarks run on: a new database for each measurement, on a server that keeps its promises."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from hourhand import migrate
from hourhand.embedded import Server
from hourhand.transport.postgres import PostgresTransport

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@contextmanager
def embedded(**options: str) -> Iterator[str]:
    """The address of an embedded Postgres with these options, for as long as the context lasts."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Server(Path(directory) / "data", options=options) as server,
    ):
        yield server.url


@contextmanager
def database(server: str) -> Iterator[str]:
    """The address of a new database with the schema."""
    name = f"hourhand_bench_{uuid.uuid4().hex[:8]}"
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            transport = PostgresTransport(url, application_name="hourhand-bench")
            migrate.apply(transport)
            transport.close()
            yield url
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


def durability(server: str) -> str:
    """A line that says what the numbers were measured with."""
    with psycopg.connect(server) as connection:
        found = {name: connection.execute(f"show {name}".encode()).fetchone() for name in DURABLE}
        version = connection.execute("show server_version").fetchone()
    lax = [f"{name} = {row[0]}" for name, row in found.items() if row and row[0] != DURABLE[name]]
    said = f"NOT DURABLE: {', '.join(lax)}" if lax else "durable"
    return f"Postgres {version[0] if version else '?'}, {said}, {os.cpu_count()} CPUs"
