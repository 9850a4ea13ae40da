"""`hourhand schedule why` and `backfill`: what became of firings that have passed, and running them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option
from hourhand_admin.terminal import completion, text
from hourhand_admin.terminal.inputs import CLOCK, WALL_BACK, Moment
from hourhand_admin.terminal.session import examples, named, open_client, say

if TYPE_CHECKING:
    from hourhand.backfill import Plan
    from hourhand.client import Client

_NOW = Moment(offset=timedelta())
_LONG = 1000
"""Runs from which on the progress is told."""


@click.command(epilog=examples("hourhand schedule why news", "hourhand schedule why news --at 16:05"))
@click.argument("name", shell_complete=completion.schedules)
@click.option(
    "--at",
    type=CLOCK,
    help="A local time in the schedule's zone (16:05 is today's), or with an offset. "
    "[default: the last three firings and the next]",
)
@json_option
def why(name: str, at: Moment | None, as_json: bool) -> None:
    """Say what happened at a time, or why nothing did."""
    with open_client() as client, named(client, name):
        found = client.schedules.why(name, None if at is None else _meant(client, name, at))
    if as_json:
        echo_json([_plain(each) for each in found])
    else:
        click.echo("\n".join(text.harmless(each.text) for each in found))


@click.command(
    epilog=examples(
        "hourhand schedule backfill news --from 2d --dry-run",
        "hourhand schedule backfill news --from 2026-12-24T00:00 --to 2026-12-25T00:00",
    )
)
@click.argument("name", shell_complete=completion.schedules)
@click.option(
    "--from",
    "start",
    type=WALL_BACK,
    required=True,
    help="Local time in the schedule's zone, or 2d for so long ago.",
)
@click.option("--to", "end", type=WALL_BACK, help="The same. [default: now]")
@click.option("--limit", type=click.IntRange(1, 10_000), help="Only so many of them, the oldest.")
@click.option("--dry-run", is_flag=True, help="Only say what would run.")
@json_option
def backfill(
    name: str, start: Moment, end: Moment | None, limit: int | None, dry_run: bool, as_json: bool
) -> None:
    """Run the firings of a time that did not run.

    What has run is left alone. The runs follow each other, behind what fires on time, unless the schedule's
    runs may all overlap.
    """
    from hourhand.backfill import run

    with open_client() as client, named(client, name):
        begin = _instant(client, name, start)
        plan = client.schedules.plan_backfill(name, begin, _instant(client, name, end or _NOW), limit)
        if not as_json:
            _tell(plan, _zone(client, name))
        runs = [] if dry_run else run(client, plan, _progress(len(plan.gaps)))
    if as_json:
        echo_json(_as_json(plan, runs))
    elif dry_run:
        say("Nothing was changed (dry run).")
    elif runs:
        click.echo("\n".join(map(str, runs)))


# --- Times ---


def _meant(client: Client, name: str, at: Moment) -> datetime:
    """A time of day alone is today's."""
    if at.clock is None:
        return at.resolve(client.now)
    from zoneinfo import ZoneInfo

    today = client.now().astimezone(ZoneInfo(_zone(client, name))).date()
    return datetime.combine(today, at.clock)


def _instant(client: Client, name: str, at: Moment) -> datetime:
    """The first of the two, where clocks repeat a local time."""
    from hourhand.timetable.wall import wall

    moment = at.resolve(client.now)
    return moment if moment.tzinfo else wall(moment, _zone(client, name)).instants[0]


def _zone(client: Client, name: str) -> str:
    return client.schedules.get(name).timezone or client.settings.cron_timezone


# --- Words ---


def _plain(explanation: Any) -> dict[str, Any]:
    return {field: getattr(explanation, field) for field in ("at", "timezone", "kind", "text", "run_id")}


def _tell(plan: Plan, zone: str) -> None:
    count = text.count(len(plan.gaps), "firing")
    if plan.gaps:
        first, last = (text.local(gap.at, zone) for gap in (plan.gaps[0], plan.gaps[-1]))
        say(f"{count} of {plan.schedule} did not run: {first}" + (f" to {last}" if first != last else ""))
    else:
        say(f"Every firing of {plan.schedule} in this time has run, or there was none.")
    if plan.ran or plan.excluded:
        say(f"{plan.ran} ran, {plan.excluded} are excluded")
    if plan.undecided:
        say(
            f"From {text.local(plan.undecided, zone)} on the scheduler has still to decide: `hourhand status`"
        )


def _progress(total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if total > _LONG:
            say(f"{done} of {total} enqueued")

    return tell


def _as_json(plan: Plan, runs: list[int]) -> dict[str, Any]:
    instants = plan.instants
    return {
        "schedule": plan.schedule,
        "count": len(instants),
        "first": instants[0] if instants else None,
        "last": instants[-1] if instants else None,
        "ran": plan.ran,
        "excluded": plan.excluded,
        "undecided": plan.undecided,
        "runs": runs,
    }
