"""`hourhand ping`: programs that tell when they run, and schedules whose runs are told elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand.durations import format_duration
from hourhand_admin.terminal import completion, text
from hourhand_admin.terminal.inputs import DURATION, SOME_TIME, NameType
from hourhand_admin.terminal.session import examples, open_client, say

_LOCAL = "http://127.0.0.1:8000"


@click.group()
def ping() -> None:
    """Watch programs that are not ours, and tell watchers of ours."""


@ping.command(epilog=examples("hourhand ping add backup --every 1d --grace 1h"))
@click.argument("name", type=NameType(200))
@click.option("--every", type=SOME_TIME, help="The time between two calls. Needed for a new one.")
@click.option("--grace", type=DURATION, help="How late a call may be.  [default: a tenth, 1m at least]")
@json_option
def add(name: str, every: timedelta | None, grace: timedelta | None, as_json: bool) -> None:
    """Create a ping, or change its times, and print the address to call.

    A cron job calls it when it has ended; with /start, /fail or /EXIT_STATUS behind it tells more. Each end
    becomes a run in the history, and one that does not come makes an alert.
    """
    with open_client() as client:
        answer = client.call("put_ping", p_name=name, p_every=every, p_grace=grace)
        admin_url = client.settings.admin_url
        address = _address(admin_url, answer["id"])
    if as_json:
        echo_json({**answer, "url": address})
        return
    say(f"Ping {name}, every {_span(answer['every'])} and {_span(answer['grace'])} of grace. In a crontab:")
    say(f"  0 3 * * *  /usr/local/bin/{name}; curl -fsS -m 10 --retry 3 {address}/$?")
    click.echo(address)
    if admin_url is None:
        say("This takes the admin to be at its usual address here: HOURHAND_ADMIN_URL says where it is.")


@ping.command("list")
@json_option
def list_pings(as_json: bool) -> None:
    """List pings, and the schedules whose runs are told elsewhere."""
    with open_client() as client:
        answer = client.call("list_pings")
    if as_json:
        echo_json(answer)
        return
    if answer["pings"]:
        columns = ("ping", "state", "every", "grace", "last", "expected", "id")
        click.echo(table(map(_row, answer["pings"]), columns))
    else:
        say("There is no ping yet. Create one: hourhand ping add NAME --every 1d --grace 1h")
    if answer["targets"]:
        click.echo()
        rows = [(each["schedule"], each["url"]) for each in answer["targets"]]
        click.echo(table(rows, ("schedule", "tells")))


@ping.command()
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove a ping. Its runs stay in the history."""
    with open_client() as client:
        answer = client.call("delete_ping", p_name=name)
    echo_json(answer) if as_json else say(f"ping {name} is removed")


@ping.command(
    epilog=examples(
        "hourhand ping point nightly https://hc-ping.com/your-uuid", "hourhand ping point nightly"
    )
)
@click.argument("schedule", shell_complete=completion.schedules)
@click.argument("url", required=False)
@json_option
def point(schedule: str, url: str | None, as_json: bool) -> None:
    """Tell URL what the runs of SCHEDULE do; without URL no more.

    It is called as healthchecks.io and its kind expect it: with /start, with nothing for success, with /fail.
    """
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no address such as https://hc-ping.com/UUID", param_hint="URL")
    with open_client() as client:
        answer = client.call("set_ping_target", p_schedule=schedule, p_url=url)
    if as_json:
        echo_json(answer)
        return
    say(f"schedule {answer['schedule']} tells {url or 'nobody'}")


def _address(admin_url: str | None, ping_id: str) -> str:
    return f"{admin_url or _LOCAL}/api/v1/ping/{ping_id}"


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    times = (each["pinged_at"], each["expected_at"])
    spans = (_span(each["every"]), _span(each["grace"]))
    return each["name"], each["state"], *spans, *(text.local(text.instant(at)) for at in times), each["id"]


def _span(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))
