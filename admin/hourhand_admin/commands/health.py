"""`hourhand health`: whether one service works, for the health checks of containers and probes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option
from hourhand.errors import FAILED
from hourhand_admin.terminal.session import examples, open_client

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command(
    epilog=examples(
        "hourhand health --service worker",
        "hourhand health --service scheduler --anywhere",
        "hourhand health --service worker --name mail --json",
    )
)
@click.option(
    "--service",
    "kind",
    type=click.Choice(["scheduler", "worker", "admin"]),
    required=True,
    help="Which service.",
)
@click.option("--name", metavar="NAME", help="Only the one of this name.")
@click.option("--anywhere", is_flag=True, help="On any host, not just on this one.")
@json_option
def health(kind: str, name: str | None, anywhere: bool, as_json: bool) -> int:
    """Is a service alive: does it keep its lease in the database?

    Exit 0 when there is one on this host, 1 when there is none, 69 when the database cannot be reached. A
    service whose process hangs, or that cannot reach the database, loses its lease.
    """
    host = None if anywhere else socket.gethostname()
    with open_client() as client:
        services = [
            each for each in client.call("get_status")["services"] if _is_meant(each, kind, name, host)
        ]
    alive = [each for each in services if each["state"] == "alive"]
    if as_json:
        echo_json({"service": kind, "healthy": bool(alive), "services": services})
    else:
        click.echo(_said(kind, host, services, alive))
    return 0 if alive else FAILED


def _is_meant(service: Mapping[str, Any], kind: str, name: str | None, host: str | None) -> bool:
    return (
        service["kind"] == kind
        and (name is None or service["name"] == name)
        and (host is None or service["host"] == host)
    )


def _said(kind: str, host: str | None, services: list[dict[str, Any]], alive: list[dict[str, Any]]) -> str:
    where = f"on {host}" if host else "anywhere"
    if alive:
        return f"{len(alive)} {kind} alive {where}: {', '.join(each['name'] for each in alive)}"
    if services:
        silent = services[0]
        last = f"it was last heard of at {silent['beat_at']}"
        return f"{kind} {silent['name']} {where} is {silent['state']}; {last}"
    return f"no {kind} {where}"
