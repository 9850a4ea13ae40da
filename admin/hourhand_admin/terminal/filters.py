"""The options that say which runs are meant; the same for listing, cancelling and retrying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hourhand_admin.terminal import completion
from hourhand_admin.terminal.inputs import BACK, Moment

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.runs import RunFilter

F = TypeVar("F", bound=Callable[..., object])

STATUSES = ("pending", "processing", "completed", "failed", "cancelled")

_OPTIONS = (
    click.option(
        "--status", type=click.Choice(STATUSES), multiple=True, help="Only runs of this status; repeatable."
    ),
    click.option("--task", help="Only runs of this task.", shell_complete=completion.tasks),
    click.option(
        "--schedule", metavar="NAME", help="Only runs of this schedule.", shell_complete=completion.schedules
    ),
    click.option("--queue", help="Only runs of this queue.", shell_complete=completion.queues),
    click.option("--since", type=BACK, help="Only runs created since this time, or this long ago (2h)."),
    click.option("--until", type=BACK, help="Only runs created before this time, or longer ago."),
    click.option("--error", metavar="TEXT", help="Only runs whose error contains this text."),
)


def filter_options(function: F) -> F:
    """Add the options; the command takes them as `**chosen`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def matching(client: Client, chosen: Mapping[str, Any]) -> RunFilter:
    """The options as a filter; times without a date are counted from the database's clock.

    Raises UsageError for an empty text, as of a variable that is not set: without that filter all are meant.
    """
    if empty := [name for name, value in chosen.items() if value == ""]:
        raise click.UsageError(f"--{empty[0]} is empty: say what is meant, or leave it out.")
    given: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    for name in ("since", "until"):
        if isinstance(given.get(name), Moment):
            given[name] = given[name].resolve(client.now)
    return given  # type: ignore[return-value]
