"""Connections to the database that hourhand uses, for the own tables of an example."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from hourhand import embedded
from hourhand.errors import BadSetting, Unavailable
from hourhand.settings import load_settings

Connection = psycopg.Connection[TupleRow]


def database_url() -> str:
    """DATABASE_URL, else the embedded database that runs here.

    Raises BadSetting where only Supabase's API is configured, Unavailable when nothing runs.
    """
    settings = load_settings()
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if settings.database == "supabase":
        raise BadSetting(
            "the tables of the examples need a direct connection",
            "Set DATABASE_URL to the address of the project's Postgres as well.",
        )
    if url := embedded.running(settings.data_dir):
        return url
    raise Unavailable("no database is configured and none runs here", "Try: hourhand up --detach")


@contextmanager
def reachable_database() -> Iterator[str]:
    """The URL of the configured database, else of the embedded one, started meanwhile if need be."""
    settings = load_settings()
    if settings.database == "embedded":
        with embedded.database(settings) as url:
            yield url
    else:
        yield database_url()


@contextmanager
def connect(url: str | None = None) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by an exception."""
    # Without prepared statements it also works through a transaction pooler.
    with psycopg.connect(
        url or database_url(),
        application_name="hourhand-examples",
        connect_timeout=10,
        prepare_threshold=None,
    ) as connection:
        yield connection


def apply_migrations(db: Connection, directory: Path) -> None:
    """Create what is missing of the tables; the files can be applied again at any time."""
    # "if not exists" alone lets two that start together both try to create.
    db.execute("select pg_advisory_xact_lock(hashtext(%s))", (directory.parent.name,))
    for file in sorted(directory.glob("*.sql")):
        db.execute(file.read_bytes())
