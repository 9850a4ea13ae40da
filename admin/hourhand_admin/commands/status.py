"""`hourhand status`: is all well?"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from hourhand.cli import echo_json, json_option
from hourhand.errors import FAILED
from hourhand_admin.terminal.inputs import DURATION
from hourhand_admin.terminal.session import examples, open_client, say

if TYPE_CHECKING:
    from hourhand.client import Client


@click.command(
    epilog=examples("hourhand status", "hourhand status --json | jq .state", "hourhand status --watch")
)
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option("--interval", type=DURATION, default="2s", help="With --watch: how often. [default: 2s]")
@json_option
def status(watch: bool, interval: timedelta, as_json: bool) -> int:
    """Show how it goes: services, what waits, failures, what comes.

    Exit 0 when all is well, 1 when it is degraded or down (`--json` says which), 69 when the database cannot
    be reached. Both services are needed: a scheduler that makes runs, and a worker that runs them.
    """
    with open_client() as client:
        if not watch:
            return _show(client, as_json)
        while True:
            _watch(client, as_json)
            time.sleep(max(interval.total_seconds(), 0.1))


def _show(client: Client, as_json: bool) -> int:
    from hourhand_admin import health
    from hourhand_admin.terminal.status_page import status_page

    answer = client.call("get_status")
    findings = health.judge(answer)
    state = health.state(findings)
    if as_json:
        echo_json({"state": state, "findings": [each.as_json() for each in findings], **answer})
    else:
        click.echo(status_page(answer, findings, state, _where(client)))
    return 0 if state == "ok" else FAILED


def _where(client: Client) -> str:
    info = client.call("info")
    return f"Postgres {info['server_version']}, database {info['database']}"


def _watch(client: Client, as_json: bool) -> None:
    """One look. An outage is shown, and outlasted."""
    from hourhand.errors import TransportError

    if not as_json:
        click.clear()
    try:
        _show(client, as_json)
    except TransportError as error:
        say(str(error))
