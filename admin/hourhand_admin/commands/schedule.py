"""`hourhand schedule`: keep schedules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand_admin.commands.as_code import apply, export
from hourhand_admin.commands.import_cron import import_cron
from hourhand_admin.commands.past import backfill, why
from hourhand_admin.terminal import completion, text
from hourhand_admin.terminal.inputs import AHEAD, JSON, Moment, resolved
from hourhand_admin.terminal.schedule_options import CLEARABLE, changing_options, schedule_options
from hourhand_admin.terminal.session import examples, named, open_client, say, warn

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.records import ScheduleRecord


@click.group()
def schedule() -> None:
    """Keep schedules: what is run when.

    The scheduler sees every change within moments, and fires nothing for times that have passed.
    """


@schedule.command(
    epilog=examples(
        "hourhand schedule add news --task ingest-rss --cron '*/15 * * * *'",
        "hourhand schedule add report --task report --cron '0 9 * * mon-fri' --timezone Europe/Berlin",
        "hourhand schedule add ping --task ping --every 90s --catch-up skip",
        """hourhand schedule add launch --task mail --at 2027-01-01T09:00 --payload '{"to": "all"}'""",
    )
)
@click.argument("name")
@click.option("--task", required=True, help="The task to run.", shell_complete=completion.tasks)
@schedule_options
@json_option
def add(name: str, task: str, as_json: bool, **options: Any) -> None:
    """Create the schedule NAME. It needs one of --cron, --every and --at."""
    if all(options[timing] in (None, ()) for timing in ("cron", "every", "run_at")):
        raise click.UsageError("Say when: with --cron, --every or --at.")
    from hourhand_admin.terminal.schedule_options import fields
    from hourhand_admin.terminal.tasks import check_payload, warn_of_unknown_task

    with open_client() as client:
        definition, given = warn_of_unknown_task(client, task), fields(client, options)
        check_payload(definition, options["payload"], fleet=bool(given.get("rank_intervals")))
        made = client.schedules.create(name, task, **given)
        _tell(client, made, "created", as_json)


@schedule.command(
    epilog=examples(
        "hourhand schedule edit news --every 10m",
        "hourhand schedule edit news --clear ends_at --queue slow",
    )
)
@click.argument("name", shell_complete=completion.schedules)
@click.option("--task", help="The task to run.", shell_complete=completion.tasks)
@changing_options
@click.option("--clear", type=click.Choice(CLEARABLE), multiple=True, help="Empty this field; repeatable.")
@json_option
def edit(name: str, task: str | None, clear: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Change what is given of the schedule NAME.

    A changed timing counts from now on.
    """
    from hourhand_admin.terminal.schedule_options import cleared, fields
    from hourhand_admin.terminal.tasks import check_payload, warn_of_unknown_task

    with open_client() as client, named(client, name):
        changed = {**cleared(clear), **fields(client, options)}
        if task is not None or "payload" in changed:
            wanted = {**client.call("get_schedule", p_schedule=name), **changed}
            definition = warn_of_unknown_task(client, task or wanted["task"])
            check_payload(definition, wanted["payload"], fleet=bool(wanted["rank_intervals"]))
        if task is None and not changed:
            raise click.UsageError("Say what to change, such as --every 10m.")
        _tell(client, client.schedules.update(name, task=task, **changed), "changed", as_json)


@schedule.command("list", epilog=examples("hourhand schedule list", "hourhand schedule list --paused --json"))
@click.option("--search", metavar="TEXT", help="Only those with this text in the name or task.")
@click.option("--task", help="Only those of this task.", shell_complete=completion.tasks)
@click.option("--tag", help="Only those with this tag.")
@click.option("--active/--paused", "active", default=None, help="Only those that are active, or paused.")
@json_option
def list_schedules(as_json: bool, **chosen: Any) -> None:
    """List the schedules by name."""
    with open_client() as client:
        schedules = client.schedules.list(**chosen)
        if as_json:
            echo_json([plain(each) for each in schedules])
        elif schedules:
            click.echo(_listed(schedules, client.now()))
        else:
            say("No schedule matches." if any(value is not None for value in chosen.values()) else _NONE)


@schedule.command(epilog=examples("hourhand schedule show news"))
@click.argument("name", shell_complete=completion.schedules)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one schedule with its last runs and firings."""
    with open_client() as client, named(client, name):
        found = client.schedules.get(name)
        if as_json:
            echo_json(plain(found))
        else:
            from hourhand_admin.terminal.schedule_page import schedule_page

            click.echo(schedule_page(found, client.now(), client.settings.cron_timezone))


@schedule.command("next", epilog=examples("hourhand schedule next news -n 5"))
@click.argument("name", shell_complete=completion.schedules)
@click.option("-n", "n", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@json_option
def next_firings(name: str, n: int, as_json: bool) -> None:
    """Show when the schedule will fire, in its own time zone."""
    from hourhand_admin.terminal.schedule_page import coming, zone_of

    with open_client() as client, named(client, name):
        found, now = client.schedules.get(name), client.now()
    zone = zone_of(found, client.settings.cron_timezone)
    instants = coming(found, now, n, zone)
    if not found.is_active:
        warn(f"{found.name} is paused: it fires after `hourhand schedule resume {found.name}` only.")
    if as_json:
        echo_json({"schedule": found.name, "timezone": zone, "firings": instants})
    else:
        for at in instants:
            click.echo(text.local_and_ago(at, now, zone))


@schedule.command(epilog=examples("hourhand schedule pause news --until +2h --note 'feeds are being moved'"))
@click.argument("name", shell_complete=completion.schedules)
@click.option("--until", type=AHEAD, help="Go on by itself then. [default: when it is resumed]")
@click.option("--note", help="Why; it is shown wherever the schedule is.")
@json_option
def pause(name: str, until: Moment | None, note: str | None, as_json: bool) -> None:
    """Fire no more; runs that exist go on."""
    with open_client() as client, named(client, name):
        at = resolved(until, client.now)
        paused = client.schedules.pause(name, at, note)
        _tell(client, paused, f"paused until {text.local(at)}" if at else "paused", as_json)


@schedule.command()
@click.argument("name", shell_complete=completion.schedules)
@json_option
def resume(name: str, as_json: bool) -> None:
    """Fire again from now on.

    Also after an error has stopped the schedule.
    """
    with open_client() as client, named(client, name):
        _tell(client, client.schedules.resume(name), "resumed", as_json)


@schedule.command(epilog=examples("hourhand schedule trigger news --wait"))
@click.argument("name", shell_complete=completion.schedules)
@click.option("--payload", type=JSON, metavar="JSON", help="Another payload. [default: the schedule's]")
@click.option("--wait", is_flag=True, help="Wait for the end and write the result; exit 1 if it failed.")
@json_option
def trigger(name: str, payload: Any, wait: bool, as_json: bool) -> int:
    """Run it now, besides its timing. The id of the run goes to stdout."""
    from hourhand_admin.terminal.ending import tell_handle

    with open_client() as client, named(client, name):
        return tell_handle(client.schedules.trigger(name, payload), as_json, wait=wait)


@schedule.command()
@click.argument("name", shell_complete=completion.schedules)
@json_option
def delete(name: str, as_json: bool) -> None:
    """Delete the schedule; its runs stay."""
    with open_client() as client, named(client, name):
        deleted = client.schedules.delete(name)
    if as_json:
        echo_json(plain(deleted))
    else:
        say(f"schedule {deleted.name} deleted")


for command in (why, backfill, export, apply, import_cron):
    schedule.add_command(command)


# --- What several commands share ---

_NONE = "There is no schedule yet. Create one: hourhand schedule add NAME --task TASK --every 15m"


def plain(record: ScheduleRecord) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude_unset=True)


def _tell(client: Client, record: ScheduleRecord, done: str, as_json: bool) -> None:
    from hourhand.errors import BadSchedule
    from hourhand_admin.terminal.schedule_page import coming, zone_of

    if as_json:
        echo_json(plain(record))
        return
    say(f"schedule {record.name} {done}")
    if not record.is_active:
        return
    now, zone = client.now(), zone_of(record, client.settings.cron_timezone)
    try:
        for at in coming(record, now, 1, zone):
            say(f"next firing: {text.local_and_ago(at, now, zone)}")
    except BadSchedule as error:  # written past the checks, by SQL: this change is done all the same
        warn(f"its timing cannot be used: {error}")


def _listed(schedules: Iterable[ScheduleRecord], now: datetime) -> str:
    from hourhand_admin.terminal.schedule_page import last_run, state, timing

    rows = [
        (each.name, each.task, timing(each), each.timezone, text.ago(each.next_run_at, now),
         last_run(each, now), state(each, now))
        for each in schedules
    ]  # fmt: skip
    return table(rows, ("schedule", "task", "when", "zone", "next", "last run", "state"))
