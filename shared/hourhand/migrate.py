"""Brings the schema of a database to this version, and tells whether it is."""

from hourhand.sql.script import FUNCTIONS_VERSION, Schema, read, script
from hourhand.transport.postgres import PostgresTransport


def apply(database: PostgresTransport, schema: Schema | None = None) -> None:
    """Applies what is missing, as one transaction."""
    database.execute(script(schema or read()))
