"""Connections to the database that hourhand uses, for this example's own tables (schema `news`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from hourhand.embedded import running
from hourhand.errors import BadSetting, Unavailable
from hourhand.settings import load_settings

Connection = psycopg.Connection[TupleRow]

_MIGRATIONS = Path(__file__).parent / "sql"


def database_url() -> str:
    """DATABASE_URL, else the embedded database that runs here.

    Raises BadSetting where only Supabase's API is configured, Unavailable when nothing runs.
    """
    settings = load_settings()
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if settings.database == "supabase":
        raise BadSetting(
            "the tables of the news example need a direct connection",
            "Set DATABASE_URL to the address of the project's Postgres as well.",
        )
    if url := running(settings.data_dir):
        return url
    raise Unavailable("no database is configured and none runs here", "Try: python -m examples.news")


@contextmanager
def connect(url: str | None = None) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by an exception."""
    # Without prepared statements it also works through a transaction pooler.
    with psycopg.connect(
        url or database_url(), application_name="hourhand-news", connect_timeout=10, prepare_threshold=None
    ) as connection:
        yield connection


def apply_migrations(db: Connection) -> None:
    """Create what is missing of the tables."""
    # "if not exists" alone lets two that start together both try to create.
    db.execute("select pg_advisory_xact_lock(hashtext('examples.news'))")
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        db.execute(file.read_bytes())
