"""`hourhand alert`: what is wrong, and whether anybody would hear of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand_admin.terminal import text
from hourhand_admin.terminal.session import examples, open_client, say

if TYPE_CHECKING:
    from hourhand.client import Client


@click.group()
def alert() -> None:
    """List alerts and test where they go."""


@alert.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="How many at most.  [default: 50]")
@json_option
def list_alerts(limit: int, as_json: bool) -> None:
    """List alerts, those that are open first."""
    with open_client() as client:
        answer = client.call("list_alerts", p_limit=limit)
    if as_json:
        echo_json(answer["alerts"])
        return
    if not answer["alerts"]:
        say("No alert is open, and none was.")
        return
    rows = [
        (each["rule"], _time(each["opened_at"]), _time(each["closed_at"], "open"), each["summary"])
        for each in answer["alerts"]
    ]
    click.echo(table(rows, ("rule", "since", "until", "what")))


@alert.command(epilog=examples("HOURHAND_ALERT_WEBHOOK=https://chat.example.org/hook hourhand alert test"))
@json_option
def test(as_json: bool) -> None:
    """Send a test message to each destination that is configured.

    It says what became of each. Exits with 1 when one could not be reached, or when none is configured.
    """
    with open_client() as client:
        messages = _send_test(client)
    if as_json:
        echo_json(messages)
    for each in messages:
        became = (
            "delivered" if each["delivered_at"] else f"failed: {each['error'] or 'somebody else sends it'}"
        )
        say(f"{each['destination']}: {became}")
    if not messages:
        say("No destination is configured: see docs/how-to/alerts.md, from HOURHAND_ALERT_WEBHOOK on.")
    if not messages or not all(each["delivered_at"] for each in messages):
        raise SystemExit(1)


def _send_test(client: Client) -> list[dict[str, Any]]:
    """The messages, one for each destination of this computer's settings."""
    from hourhand.alerts.watch import Watch

    logging.getLogger("hourhand").addHandler(logging.NullHandler())  # what goes wrong is told in the end

    watch = Watch(client.transport, client.settings)
    if not watch.destinations:
        return []
    alert_id = client.call("test_alert", p_destinations=watch.destinations)["id"]
    while watch.deliver():
        pass
    alerts = client.call("list_alerts", p_limit=1000)["alerts"]
    found: list[dict[str, Any]] = next(each["messages"] for each in alerts if each["id"] == alert_id)
    return found


def _time(value: str | None, none: str = text.NONE) -> str:
    return none if value is None else text.local(text.instant(value))
