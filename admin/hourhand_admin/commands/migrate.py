"""`hourhand migrate`: the schema of the database, brought to this version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hourhand.cli import echo_json, json_option
from hourhand.errors import FAILED
from hourhand_admin.terminal.session import examples, say, warn

if TYPE_CHECKING:
    from hourhand.transport.postgres import PostgresTransport

# A database that has just been started is waited for.
_PATIENCE = 15.0


@click.command(
    epilog=examples(
        "hourhand migrate",
        "hourhand migrate --check || echo 'migrate first'",
        "hourhand migrate --print | psql",
        "hourhand migrate --export supabase/migrations",
    )
)
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when something is to be applied.")
@click.option("--print", "print_script", is_flag=True, help="Write the SQL on stdout; needs no database.")
@click.option(
    "--export",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the SQL to DIRECTORY/<time>_hourhand.sql; needs no database.",
)
@json_option
def migrate(check: bool, print_script: bool, directory: Path | None, as_json: bool) -> int:
    """Bring the schema hourhand in the database to this version.

    All happens in one transaction; it is safe at any time, by several at once, and again. It always needs a
    direct connection (DATABASE_URL), also where Supabase is used for the rest.
    """
    if sum((check, print_script, directory is not None)) > 1:
        raise click.UsageError("Choose one of --check, --print and --export.")
    if print_script:
        return _print()
    if directory is not None:
        return _export(directory)
    return _migrate(only_check=check, as_json=as_json)


def _print() -> int:
    from hourhand.sql.script import read, script

    click.echo(script(read()), nl=False)
    return 0


def _export(directory: Path) -> int:
    from hourhand.migrate import export

    click.echo(export(directory))
    return 0


def _migrate(*, only_check: bool, as_json: bool) -> int:
    from hourhand.settings import load_settings
    from hourhand.transport import connect_direct

    database = connect_direct(load_settings(), application_name="hourhand-cli", patience=_PATIENCE)
    try:
        return _check(database, as_json) if only_check else _apply(database, as_json)
    finally:
        database.close()


def _check(database: PostgresTransport, as_json: bool) -> int:
    from hourhand.migrate import pending

    missing = pending(database)
    if as_json:
        echo_json({"database": database.where, "pending": missing})
    elif missing:
        click.echo("\n".join(missing))
    if missing:
        say(f"{database.where}: not up to date. Run `hourhand migrate`.")
    return FAILED if missing else 0


def _apply(database: PostgresTransport, as_json: bool) -> int:
    from hourhand.migrate import apply, pending

    missing = pending(database)
    for warning in apply(database):
        warn(warning)
    if as_json:
        echo_json({"database": database.where, "applied": missing})
    else:
        say(f"{database.where}: {'applied ' + ', '.join(missing) if missing else 'up to date'}.")
    return 0
