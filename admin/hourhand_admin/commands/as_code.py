"""`hourhand schedule export` and `apply`: schedules as code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option
from hourhand_admin.terminal.session import examples, open_client, say

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.schedule_changes import Change
    from hourhand.schedule_file import Entry


@click.command(epilog=examples("hourhand schedule export > schedules.yaml"))
@json_option
def export(as_json: bool) -> None:
    """Write all schedules as YAML, without what is the default."""
    from hourhand.schedule_changes import stored_rows
    from hourhand.schedule_rows import document, written

    with open_client() as client:
        rows = stored_rows(client)
        echo_json(document(rows)) if as_json else click.echo(written(rows).encode(), nl=False)


@click.command(
    epilog=examples(
        "hourhand schedule apply schedules.yaml --dry-run", "hourhand schedule apply schedules.yaml --prune"
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--prune", is_flag=True, help="Delete the schedules that the file does not name.")
@json_option
def apply(file: Path, dry_run: bool, prune: bool, as_json: bool) -> None:
    """Create and change schedules as the YAML in FILE says.

    All of it, or nothing if a part is wrong. Applied again it changes nothing. A pause by hand stays, unless
    the file says otherwise.
    """
    from hourhand import schedule_changes, schedule_file

    with open_client() as client:
        entries = schedule_file.read(file, client.settings.cron_timezone)
        changes = schedule_changes.compare(client, entries, prune=prune)
        _check_payloads(client, file, entries, changes)
        schedule_changes.apply(client, changes, dry_run=dry_run)
    if as_json:
        echo_json([plain_change(change) for change in changes])
    else:
        tell_changes(changes, dry_run=dry_run)


def _check_payloads(client: Client, file: Path, entries: Sequence[Entry], changes: Iterable[Change]) -> None:
    """Against the schemas that workers have registered. Raises BadScheduleFile."""
    from hourhand.errors import BadPayload, BadScheduleFile
    from hourhand_admin.terminal.tasks import check_payload, warn_of_unknown_task

    concerned = {change.name for change in changes if {"task", "payload"} & change.fields.keys()}
    for entry in entries:
        if entry.name in concerned:
            task = warn_of_unknown_task(client, entry.row["task"])
            try:
                check_payload(task, entry.row.get("payload"), fleet=bool(entry.row.get("rank_intervals")))
            except BadPayload as error:
                raise BadScheduleFile(f"{file}:{entry.line}: {entry.name}: {error}", error.hint) from None


# --- Words ---

_DONE = {"create": "created", "change": "changed", "delete": "deleted"}


def tell_changes(changes: Sequence[Change], *, dry_run: bool) -> None:
    for change in changes:
        if change.action != "unchanged":
            click.echo("\n".join([f"{change.action}: {change.name}", *_lines(change)]))
    counts = Counter(change.action for change in changes)
    told = [f"{count} {action if dry_run else _DONE.get(action, action)}" for action, count in counts.items()]
    say(", ".join(told) + (" (dry run)" if dry_run else "") if told else "The file names no schedule.")


def _lines(change: Change) -> Iterator[str]:
    for field, (old, new) in change.fields.items():
        before = "" if change.action == "create" else f"{_told(field, old)} → "
        yield f"  {field}: {before}{_told(field, new)}"


def _told(field: str, value: Any) -> str:
    import json

    from hourhand.schedule_rows import told

    shown = told(field, value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def plain_change(change: Change) -> dict[str, Any]:
    fields = {field: {"old": old, "new": new} for field, (old, new) in change.fields.items()}
    return {"name": change.name, "action": change.action, "fields": fields}
