"""`hourhand fleet`: the items of fleet schedules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand_admin.terminal import completion, text
from hourhand_admin.terminal.inputs import AHEAD, JSON, Moment
from hourhand_admin.terminal.session import did_you_mean, examples, named, open_client, say

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.fleets import Item
    from hourhand.records import FleetRecord, ItemRecord


@click.group()
def fleet() -> None:
    """Keep the items of a fleet: a schedule with --rank-intervals.

    Each item is due when the interval of its rank has passed since it was last completed.
    """


@fleet.command(
    "list", epilog=examples("hourhand fleet list scrape", "hourhand fleet list scrape --owner ann")
)
@click.argument("schedule", shell_complete=completion.schedules)
@click.option("--owner", help="Only those that this owner ranks.")
@click.option("--search", metavar="TEXT", help="Only those with this text in their name.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most."
)
@json_option
def list_items(schedule: str, as_json: bool, **chosen: Any) -> None:
    """List items, the next due first."""
    with open_client() as client, named(client, schedule):
        found = client.fleets.items(schedule, **chosen)
    if as_json:
        echo_json(found.model_dump(mode="json"))
        return
    if found.items:
        click.echo(_listed(found.items, found.now))
    say(_counted(found))


@fleet.command(epilog=examples("hourhand fleet show scrape acme"))
@click.argument("schedule", shell_complete=completion.schedules)
@click.argument("item", required=False)
@json_option
def show(schedule: str, item: str | None, as_json: bool) -> None:
    """Show one item; without ITEM the bands, with what is due."""
    with open_client() as client, named(client, schedule):
        found = client.fleets.items(schedule, item=item, limit=1)
        if item is not None and not found.items:
            raise _no_item(client, found, item)
    if as_json:
        echo_json((found.items[0] if item is not None else found).model_dump(mode="json"))
    elif item is not None:
        click.echo(_page(found.items[0], found.now))
    else:
        click.echo(_summary(found))


@fleet.command(
    "set",
    epilog=examples(
        "hourhand fleet set scrape acme --rank 85 --owner ann",
        "hourhand fleet set scrape acme --due now",
        "hourhand fleet set scrape --file companies.csv",
    ),
)
@click.argument("schedule", shell_complete=completion.schedules)
@click.argument("item", required=False)
@click.option(
    "--rank", type=click.IntRange(1, 100), help="Of several owners the highest counts. [default: 50]"
)
@click.option("--owner", help="Who ranks it. [default: nobody in particular]")
@click.option(
    "--payload", type=JSON, metavar="JSON", help="What its runs get besides the schedule's payload."
)
@click.option("--due", type=AHEAD, help="When it is next due. [default: by its rank]")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Many items: YAML, or CSV with the columns item, rank, owner, payload and due.",
)
@json_option
def set_items(schedule: str, item: str | None, file: Path | None, as_json: bool, **given: Any) -> None:
    """Add or change ITEM, or the items of a file.

    What is left out stays as it is. New items are first due spread over their interval. A changed rank moves
    only the time they are due.
    """
    if (item is None) == (file is None) or (file and any(value is not None for value in given.values())):
        raise click.UsageError("Name either one ITEM with its options, or a --file.")
    with open_client() as client, named(client, schedule):
        items = _from_file(file) if file else [_item(client, item or "", given)]
        counts = client.fleets.set(schedule, items)
    if as_json:
        echo_json({name: counts[name] for name in ("created", "changed", "unchanged")})
    else:
        told = [f"{count} {name}" for name, count in counts.items() if count]
        say(f"items of {schedule}: {', '.join(told) or 'none'}")


@fleet.command(
    epilog=examples("hourhand fleet remove scrape acme", "hourhand fleet remove scrape acme --owner ann")
)
@click.argument("schedule", shell_complete=completion.schedules)
@click.argument("item")
@click.option("--owner", help="Only what this owner ranks; the item stays while others rank it.")
@json_option
def remove(schedule: str, item: str, owner: str | None, as_json: bool) -> None:
    """Take an item away; a run of it that has begun goes on."""
    with open_client() as client, named(client, schedule):
        outcome = client.fleets.remove(schedule, item, owner)
    if as_json:
        echo_json({"item": item, "outcome": outcome})
    else:
        say(f"item {item} removed" if outcome == "removed" else f"item {item} is no longer ranked by {owner}")


# --- What is typed ---


def _item(client: Client, name: str, given: dict[str, Any]) -> Item:
    due = given.pop("due")
    item: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if isinstance(due, Moment):
        item["due_at"] = due.resolve(client.now)
    return {"item": name, **item}  # type: ignore[typeddict-item]


def _from_file(file: Path) -> list[Item]:
    from hourhand_admin.terminal.item_file import read

    return read(file)


# --- Words ---


def _no_item(client: Client, found: FleetRecord, name: str) -> Exception:
    from hourhand.errors import NotFound

    known = [each.item for each in client.fleets.items(found.schedule, limit=10_000).items]
    hint = did_you_mean(name, known) or f"See `hourhand fleet list {found.schedule}`."
    return NotFound(f'schedule "{found.schedule}" has no item "{name}"', hint)


def _listed(items: Iterable[ItemRecord], now: datetime) -> str:
    rows = [
        (each.item, each.rank, text.duration(each.interval), _due(each, now),
         text.ago(each.last_completed_at, now), each.failures or None, each.run_id)
        for each in items
    ]  # fmt: skip
    return table(rows, ("item", "rank", "every", "due", "completed", "failures", "run"))


def _due(item: ItemRecord, now: datetime) -> str:
    return "runs" if item.run_id is not None else text.ago(item.next_run_at, now)


def _counted(found: FleetRecord) -> str:
    shown = f"{len(found.items)} of " if len(found.items) < found.total else ""
    return f"{shown}{text.count(found.total, 'item')}, {found.due} due"


def _summary(found: FleetRecord) -> str:
    from hourhand.schedule_rows import told

    bands = told("rank_intervals", found.rank_intervals or {})
    ranks = sorted((int(rank) for rank in bands if rank.isdecimal()), reverse=True)
    lines = [(f"from rank {rank}", f"every {bands[str(rank)]}") for rank in ranks]
    return text.fields(
        [
            ("fleet", found.schedule),
            ("items", found.total),
            ("due", found.due),
            *lines,
            ("limit", bands.get("limit")),
        ]
    )


def _page(item: ItemRecord, now: datetime) -> str:
    owners = ", ".join(
        f"{owner or 'nobody in particular'} {rank}" for owner, rank in sorted(item.ranks.items())
    )
    return text.fields(
        [
            ("item", item.item),
            ("rank", item.rank),
            ("ranked by", owners),
            ("every", text.duration(item.interval)),
            ("due", "it runs" if item.run_id else text.local_and_ago(item.next_run_at, now)),
            ("run", item.run_id),
            ("completed", text.local_and_ago(item.last_completed_at, now)),
            ("failures", item.failures or None),
            ("payload", text.as_json(item.payload) if item.payload else None),
        ]
    )
