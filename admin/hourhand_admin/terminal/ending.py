"""Waiting for the end of a run, and telling it: the same for `enqueue --wait`, `run wait` and `run now`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from hourhand.cli import echo_json
from hourhand.errors import FAILED
from hourhand_admin.terminal import text
from hourhand_admin.terminal.session import say

if TYPE_CHECKING:
    from hourhand.handle import Handle
    from hourhand.records import RunRecord


def tell_handle(
    handle: Handle, as_json: bool, *, wait: bool = False, timeout: timedelta | None = None
) -> int:
    """The id on stdout; or with `wait` what came of the run. Gives the exit code. Raises StillRunning."""
    if not as_json or wait:
        say(f"run {handle.id} {handle.outcome}")
    if wait:
        return tell_end(handle.wait(timeout), as_json)
    if as_json:
        echo_json({"id": handle.id, "outcome": handle.outcome})
    else:
        click.echo(handle.id)
    return 0


def tell_end(run: RunRecord, as_json: bool) -> int:
    """The result on stdout, all else on stderr; exit 0 for a completed run, else 1."""
    if as_json:
        echo_json(run.model_dump(mode="json", exclude_unset=True))
    else:
        took = f" after {text.duration(run.duration)}" if run.duration is not None else ""
        say(f"run {run.id} of {run.task} {run.status}{took}{': ' + run.error if run.error else ''}")
        if run.result is not None:
            click.echo(text.as_json(run.result))
    return 0 if run.status == "completed" else FAILED
