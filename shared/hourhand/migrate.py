"""Brings the schema of a database to this version, and tells whether it is.

Functions, triggers and grants have no number: they are applied anew whenever their text has changed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourhand import log
from hourhand.errors import ContractMismatch
from hourhand.sql.script import FUNCTIONS_VERSION, Migration, Schema, read, script

if TYPE_CHECKING:
    from hourhand.transport import Transport
    from hourhand.transport.postgres import PostgresTransport

FUNCTIONS = "functions"
_UPGRADE = "It was made by a newer version: upgrade this package."
_MIGRATE = "Run `hourhand migrate`."


def pending(database: "PostgresTransport", schema: Schema | None = None) -> tuple[str, ...]:
    """What `apply` would apply: names such as `0001_tables`, and `functions` when anything of these changed.

    Raises ContractMismatch for a schema that is newer than this package or was made from other files.
    """
    schema = schema or read()
    applied = _applied(database)
    known = {migration.version: migration for migration in schema.migrations}
    for version, (name, checksum) in applied.items():
        if version != FUNCTIONS_VERSION:
            _refuse_stranger(database.where, known.get(version), version, name, checksum)
    missing = [migration.label for version, migration in known.items() if version not in applied]
    _, functions_hash = applied.get(FUNCTIONS_VERSION, (FUNCTIONS, ""))
    return (*missing, *([FUNCTIONS] if missing or functions_hash != schema.functions_hash else []))


def apply(database: "PostgresTransport", schema: Schema | None = None) -> tuple[str, ...]:
    """Applies what is missing, as one transaction; returns the warnings of the server.

    Safe to run at any time and by several at once. Raises ContractMismatch as `pending` does.
    """
    return database.execute(script(schema or read()))


def export(directory: Path, schema: Schema | None = None) -> Path:
    """Writes the script as `<UTC time>_hourhand.sql`, as the Supabase CLI names migrations."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{datetime.now(UTC):%Y%m%d%H%M%S}_hourhand.sql"
    path.write_text(script(schema or read()), encoding="utf-8", newline="\n")
    return path


def check(transport: "Transport", schema: Schema | None = None) -> Mapping[str, Any]:
    """The handshake of a daemon: the answer of `info()`, when this program can work with the schema.

    A schema that is older or missing raises ContractMismatch. A newer one is only logged: during a deploy
    the database is migrated first, and the programs of the version before go on working with it.
    """
    schema = schema or read()
    info: Mapping[str, Any] = transport.call("info")
    version = info["schema_version"]
    if version < schema.version:
        raise ContractMismatch(f"the schema has version {version}, this needs {schema.version}", _MIGRATE)
    if difference := _difference(version, info["functions"], schema):
        log.event("schema.differs", "WARNING", difference)
    return info


def _difference(version: int, functions: str, schema: Schema) -> str | None:
    if version > schema.version:
        return (
            f"The schema has version {version}, newer than the {schema.version} of this package. {_UPGRADE}"
        )
    if functions != schema.functions_hash:
        return f"The schema's functions are not those of this package. {_MIGRATE}"
    return None


def _applied(database: "PostgresTransport") -> dict[int, tuple[str, str]]:
    [(exists,)] = database.query("select to_regclass('hourhand.migrations') is not null")
    if not exists:
        return {}
    rows = database.query("select version, name, checksum from hourhand.migrations order by version")
    return {version: (name, checksum) for version, name, checksum in rows}


def _refuse_stranger(where: str, known: Migration | None, version: int, name: str, checksum: str) -> None:
    # The script refuses the same: it is also run by others.
    if known is None:
        raise ContractMismatch(
            f"{where}: the schema has migration {version} ({name}), which this version does not know",
            _UPGRADE,
        )
    if known.checksum != checksum:
        raise ContractMismatch(
            f"{where}: migration {version} ({name}) was applied with a different text",
            "A released migration never changes: use the package that made this schema, or a new database.",
        )
