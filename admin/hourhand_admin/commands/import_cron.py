"""`hourhand schedule import-cron`: the jobs of pg_cron as schedules."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hourhand.cli import echo_json, json_option
from hourhand.errors import FAILED
from hourhand_admin.commands.as_code import plain_change, tell_changes
from hourhand_admin.terminal.session import examples, open_client, say, warn

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.schedule_changes import Change
    from hourhand_admin.pg_cron import Job, Keep, Proposal

_PATIENCE = 5.0


@click.command(
    "import-cron",
    epilog=examples(
        "hourhand schedule import-cron --task run-sql --dry-run",
        "hourhand schedule import-cron --task refresh-views --only nightly-refresh --keep note",
        "hourhand schedule import-cron cron_job.csv --task run-sql --paused",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--task", required=True, help="The task that the schedules run.")
@click.option("--only", metavar="NAME", multiple=True, help="Only the job of this name or id; repeatable.")
@click.option(
    "--keep",
    type=click.Choice(("payload", "note")),
    default="payload",
    show_default=True,
    help='Where the job\'s SQL goes: as {"command": …} to the task, or only as a note into the description.',
)
@click.option(
    "--paused", is_flag=True, help="Create all of them paused; resume each when its job is stopped."
)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@json_option
def import_cron(
    file: Path | None,
    task: str,
    only: tuple[str, ...],
    keep: Keep,
    paused: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Make a schedule of each job of pg_cron (Supabase Cron).

    They are read from the table cron.job, which needs a direct connection (DATABASE_URL), or from FILE: its
    rows as CSV or JSON. Nothing changes in pg_cron. Exit 1 when a job could not be taken over.
    """
    from hourhand_admin import pg_cron

    jobs, zone = (pg_cron.from_file(file), pg_cron.ZONE) if file else _from_table()
    jobs = [job for job in jobs if not only or job.name in only or str(job.id) in only]
    proposals = pg_cron.propose(jobs, task, zone, keep)
    with open_client() as client:
        changes = _changes(client, proposals, paused=paused)
        _put(client, changes, dry_run=dry_run)
    for sentence in pg_cron.told(proposals):
        warn(sentence)
    if as_json:
        echo_json([plain_change(change) for change in changes])
    else:
        _tell(changes, proposals, dry_run=dry_run)
    return 0 if all(proposal.entry for proposal in proposals) else FAILED


def _from_table() -> tuple[list[Job], str]:
    from hourhand.settings import load_settings
    from hourhand.transport import connect_direct
    from hourhand_admin import pg_cron

    with closing(
        connect_direct(load_settings(), application_name="hourhand-cli", patience=_PATIENCE)
    ) as database:
        return pg_cron.from_table(database)


def _changes(client: Client, proposals: list[Proposal], *, paused: bool) -> list[Change]:
    """Only of what a job says: whatever else has been set here stays."""
    from hourhand import schedule_changes

    pause = {"is_active": False} if paused else {}
    entries = [
        replace(proposal.entry, row={**proposal.entry.row, **pause})
        for proposal in proposals
        if proposal.entry
    ]
    rows = {entry.name: entry.row for entry in entries}
    found = schedule_changes.compare(client, entries)
    return [_narrowed(change, set(rows[change.name])) for change in found if change.name in rows]


def _narrowed(change: Change, said: set[str]) -> Change:
    fields = {name: values for name, values in change.fields.items() if name in said}
    return replace(change, fields=fields, action=change.action if fields else "unchanged")


def _put(client: Client, changes: list[Change], *, dry_run: bool) -> None:
    from hourhand import schedule_changes

    schedule_changes.apply(client, changes, dry_run=dry_run)


def _tell(changes: list[Change], proposals: list[Proposal], *, dry_run: bool) -> None:
    if not proposals:
        say("There is no such job in pg_cron that this role may see.")
        return
    tell_changes(changes, dry_run=dry_run)
    running = [proposal.job for proposal in proposals if proposal.entry and proposal.job.active]
    if running and not dry_run:
        say("pg_cron goes on running them too. To stop that, in SQL:")
        for job in running:
            click.echo(f"select cron.unschedule({job.id});" + (f"  -- {job.name}" if job.name else ""))
