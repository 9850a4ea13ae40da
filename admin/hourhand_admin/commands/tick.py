"""`hourhand tick`: one pass, for cron, systemd timers and login scripts."""

from __future__ import annotations

from datetime import timedelta

import click

from hourhand_admin.terminal.inputs import DURATION
from hourhand_admin.terminal.session import examples


@click.command(
    epilog=examples("hourhand tick --tasks myproject.tasks", "hourhand tick --only ingest-rss clean-news")
)
@click.option("--all", "everything", is_flag=True, help="Run every active schedule now, ordered by name.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Run these schedules now, in this order.",
)
@click.argument("more", nargs=-1, metavar="[NAME]...")
@click.option(
    "--max-time",
    type=DURATION,
    metavar="SECONDS",
    help="Start nothing after so many seconds, or a time such as 10m.",
)
@click.option(
    "--tasks",
    multiple=True,
    metavar="MODULE",
    help="Module that defines tasks; repeatable.  [env HOURHAND_TASKS]",
)
def tick(
    everything: bool,
    only: tuple[str, ...],
    more: tuple[str, ...],
    max_time: timedelta | None,
    tasks: tuple[str, ...],
) -> int:
    """Fire what is due, work until nothing is left, tell how it went.

    Runs go one at a time in this process, by priority and due time; what tasks write and log goes to stderr.
    Those that a worker elsewhere takes are waited for. Exits with 1 if a run failed, waits for its retry or
    could not be started. Where no database is configured, an embedded one is started meanwhile.
    """
    if more and not only:
        raise click.UsageError(f"{more[0]} comes from nowhere: names follow --only")
    if everything and only:
        raise click.UsageError("--all and --only exclude each other")
    from hourhand_admin.ticking import Choice, tick

    return tick(Choice(everything, (*only, *more)), max_time, tasks)
