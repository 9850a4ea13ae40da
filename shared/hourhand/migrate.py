"""Brings the schema of a database to this version, and tells whether it is.

Functions, triggers and grants have no number: they are applied anew whenever their text has changed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourhand import log
from hourhand.errors import ContractMismatch, Denied
from hourhand.sql.script import FUNCTIONS_VERSION, Migration, Schema, read, script

if TYPE_CHECKING:
    from hourhand.transport import Transport
    from hourhand.transport.postgres import PostgresTransport

FUNCTIONS = "functions"
_UPGRADE = "It was made by a newer version: upgrade this package (pip install -U hourhand)."
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
    name, functions_hash = applied.get(FUNCTIONS_VERSION, (FUNCTIONS, ""))
    _refuse_newer_functions(database.where, name, schema.release)
    missing = [migration.label for version, migration in known.items() if version not in applied]
    return (*missing, *([FUNCTIONS] if missing or functions_hash != schema.functions_hash else []))


def apply(database: "PostgresTransport", schema: Schema | None = None) -> tuple[str, ...]:
    """Applies what is missing, as one transaction; returns the warnings of the server.

    Safe to run at any time and by several at once. Raises ContractMismatch as `pending` does.
    """
    # A timeout of the role, such as Supabase has, is for queries; waits for locks end sooner by themselves.
    return database.execute("set local statement_timeout = 0;\n" + script(schema or read()))


def export(directory: Path, schema: Schema | None = None) -> Path:
    """Writes the script as `<UTC time>_hourhand.sql`, as the Supabase CLI names migrations.

    Where the last such file already says the same, it stays and is what is returned.
    """
    text = script(schema or read())
    directory.mkdir(parents=True, exist_ok=True)
    *_, last = [None, *sorted(directory.glob("*_hourhand.sql"))]
    if last and last.read_text(encoding="utf-8") == text:
        return last
    path = directory / f"{datetime.now(UTC):%Y%m%d%H%M%S}_hourhand.sql"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def check(transport: "Transport", schema: Schema | None = None) -> Mapping[str, Any]:
    """The handshake of a daemon: the answer of `info()`, when this program can work with the schema.

    Raises ContractMismatch for a schema that lacks a migration of this package, or that says it needs newer
    programs. Any other newer one is only logged: during a deploy the database is migrated first, and the
    programs of the version before go on working with it. The rule is in docs/decisions/migrations.md.
    """
    schema = schema or read()
    info: Mapping[str, Any] = transport.call("info")
    if mismatch := refusal(info, schema):
        raise mismatch
    if difference := how_it_differs(info, schema):
        log.event("schema.differs", "WARNING", " ".join(difference))
    return info


def refusal(info: Mapping[str, Any], schema: Schema) -> ContractMismatch | None:
    """Why this program cannot work with a schema that answered so; None when it can."""
    if missing := _missing(info, schema):
        return ContractMismatch(f"the schema lacks {', '.join(missing)}, which this version needs", _MIGRATE)
    oldest = info.get("oldest_program", 0)
    if oldest > schema.version:
        return ContractMismatch(
            f"the schema needs programs that know its version {oldest}; this one knows {schema.version}",
            _UPGRADE,
        )
    return None


def how_it_differs(info: Mapping[str, Any], schema: Schema) -> tuple[str, str] | None:
    """What is not as this package would have it although both can work, and what to do."""
    version = info["schema_version"]
    if version > schema.version:
        return f"The schema has version {version}, newer than the {schema.version} of this package.", _UPGRADE
    if info["functions"] != schema.functions_hash:
        return "The schema's functions are not those of this package.", _MIGRATE
    return None


def _missing(info: Mapping[str, Any], schema: Schema) -> list[str]:
    # Functions of before tell only the highest number.
    applied = info.get("migrations") or range(info["schema_version"] + 1)
    return [migration.label for migration in schema.migrations if migration.version not in applied]


def _applied(database: "PostgresTransport") -> dict[int, tuple[str, str]]:
    [(exists,)] = database.query("select to_regclass('hourhand.migrations') is not null")
    if not exists:
        return {}
    rows = database.query("select version, name, checksum from hourhand.migrations order by version")
    if not rows:  # it is made together with its first row
        raise Denied(
            f"{database.where}: this role may not see which migrations the schema has",
            "Connect as the owner of the schema hourhand, or as a member of the role hourhand_worker.",
        )
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


def _refuse_newer_functions(where: str, name: str, release: str) -> None:
    _, _, theirs = name.partition(" ")
    if theirs and _numbers(theirs) > _numbers(release):
        raise ContractMismatch(
            f"{where}: the functions are those of hourhand {theirs}, and this is {release}", _UPGRADE
        )


def _numbers(release: str) -> list[int]:
    return [int(number) for number in release.split(".")]
