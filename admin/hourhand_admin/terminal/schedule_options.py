"""The options of `schedule add` and `schedule edit`: the fields of a schedule, by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hourhand_admin.terminal.inputs import AHEAD, DURATION, JSON, WALL, Moment

if TYPE_CHECKING:
    from hourhand.client import Client

F = TypeVar("F", bound=Callable[..., object])

CLEARABLE = (
    "anchor",
    "catch_up_window",
    "description",
    "ends_at",
    "exclude",
    "jitter",
    "max_attempts",
    "max_runs",
    "profile",
    "queue",
    "rank_intervals",
    "start_deadline",
    "starts_at",
    "tags",
    "timeout",
)

_DEFAULT = re.compile(r" \[(default|env)\b.*\]$")

_OPTIONS = (
    click.option("--cron", multiple=True, help="Five fields, or six with the second first; repeatable."),
    click.option("--every", type=DURATION, help="A distance of at least a second, such as 15m."),
    click.option("--anchor", type=AHEAD, help="An instant that --every counts from. [default: creation]"),
    click.option(
        "--at", "run_at", type=WALL, help="Once, at this local time in the zone (or in a while: +10m)."
    ),
    click.option(
        "--timezone", metavar="ZONE", help="Such as Europe/Berlin. [env JOBS_CRON_TZ; default: UTC]"
    ),
    click.option(
        "--payload", type=JSON, metavar="JSON", help="An object or list; @FILE, or - for stdin. [default: {}]"
    ),
    click.option("--description", metavar="TEXT", help="What it is for."),
    click.option(
        "--catch-up",
        type=click.Choice(["skip", "last", "all"]),
        help="What of the firings missed in an outage runs later. [default: last]",
    ),
    click.option(
        "--catch-up-window", type=DURATION, help="Older ones are given up. [default: one period, 1h to 24h]"
    ),
    click.option(
        "--catch-up-limit", type=click.IntRange(1, 10_000), help="At most so many at once. [default: 100]"
    ),
    click.option(
        "--overlap",
        type=click.Choice(["skip", "buffer_one", "buffer_all", "cancel_other", "allow_all"]),
        help="What happens while the run before goes on. [default: skip]",
    ),
    click.option(
        "--dst-gap",
        type=click.Choice(["run_after", "skip"]),
        help="When clocks skip the time. [default: run_after]",
    ),
    click.option(
        "--dst-overlap",
        type=click.Choice(["first", "last", "both"]),
        help="When clocks repeat the time. [default: first]",
    ),
    click.option(
        "--jitter",
        type=DURATION,
        help="Start up to so much later, each time by another amount. [default: none]",
    ),
    click.option("--start-deadline", type=DURATION, help="Later than this it does not run. [default: none]"),
    click.option(
        "--profile",
        type=click.Choice(["sleeper"]),
        help="For machines that are not always on: make up for what was missed, once. [default: none]",
    ),
    click.option(
        "--rank-intervals",
        type=JSON,
        metavar="JSON",
        help="Make it a fleet: by the lowest rank of a band, how long after its end an item is due again: "
        '\'{"81": "1d", "61": "2d", "1": "5d", "limit": 50}\', where limit bounds one firing.',
    ),
    click.option("--starts-at", type=AHEAD, help="No firing before. [default: none]"),
    click.option("--ends-at", type=AHEAD, help="No firing after. [default: none]"),
    click.option("--max-runs", type=click.IntRange(min=1), help="End after so many firings. [default: none]"),
    click.option(
        "--exclude",
        multiple=True,
        metavar="DAYS",
        help="Days it rests: 2026-12-25, 2026-12-24..2027-01-02 or sat; repeatable.",
    ),
    click.option("--queue", help="Where its runs wait. [default: the task's]"),
    click.option("--priority", type=click.IntRange(-100, 100), help="Higher first. [default: 0]"),
    click.option(
        "--max-attempts",
        type=click.IntRange(1, 1000),
        help="How often a run is tried. [default: the task's, else 4]",
    ),
    click.option("--timeout", type=DURATION, help="Bound of one attempt. [default: the task's, else 1h]"),
    click.option("--tag", "tags", multiple=True, help="A word to find it by; repeatable."),
)


def schedule_options(function: F) -> F:
    """Add the options; the command takes them as `**options`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def changing_options(function: F) -> F:
    """The same for a schedule that exists: what is not given stays, whatever the default."""
    function = schedule_options(function)
    for option in getattr(function, "__click_params__", ()):
        option.help = _DEFAULT.sub("", option.help or "")
    return function


def fields(client: Client, options: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as `client.schedules` takes it; distances are counted from the database's clock."""
    given: dict[str, Any] = {
        name: value.resolve(client.now) if isinstance(value, Moment) else value
        for name, value in options.items()
        if value is not None and value != ()
    }
    return given


def cleared(names: Iterable[str]) -> dict[str, Any]:
    """Fields that are to be emptied."""
    return {name: [] if name == "tags" else None for name in names}
