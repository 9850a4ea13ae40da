"""`hourhand tasks` and `hourhand queue`: what can be run, and where it waits."""

from __future__ import annotations

from typing import Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand_admin.terminal import completion, text
from hourhand_admin.terminal.inputs import NAME
from hourhand_admin.terminal.session import did_you_mean, examples, open_client, say

RATES = {"s": 1, "min": 60, "h": 3600}
"""Seconds in each unit of a rate."""


@click.command(epilog=examples("hourhand tasks", "hourhand tasks ingest-rss"))
@click.argument("name", required=False, shell_complete=completion.tasks)
@json_option
def tasks(name: str | None, as_json: bool) -> None:
    """List the tasks that workers have registered.

    With a NAME: show that one, with what its payload may be.
    """
    with open_client() as client:
        answer = client.call("list_tasks")
    if name is not None:
        found = _named(answer["tasks"], name)
        echo_json(found) if as_json else click.echo(_shown(found))
    elif as_json:
        echo_json(answer["tasks"])
    else:
        _list(answer)


def _list(answer: dict[str, Any]) -> None:
    now = text.instant(answer["now"])
    if not answer["tasks"] or now is None:
        say("No worker has registered a task yet. Start one: hourhand worker --tasks MODULE")
        return
    rows = [
        (task["name"], task["queue"], task["workers"], task["max_attempts"], text.duration(task["timeout"]),
         text.ago(text.instant(task["last_seen_at"]), now), task["description"])
        for task in answer["tasks"]
    ]  # fmt: skip
    click.echo(table(rows, ("task", "queue", "workers", "attempts", "timeout", "registered", "description")))


def _named(tasks: list[dict[str, Any]], name: str) -> dict[str, Any]:
    from hourhand.errors import UnknownTask

    known = {task["name"]: task for task in tasks}
    if name not in known:
        near = did_you_mean(name, known) or "See `hourhand tasks`."
        raise UnknownTask(f"no worker has registered a task {name!r}", near)
    return known[name]


def _shown(task: dict[str, Any]) -> str:
    return text.fields(
        [
            ("task", task["name"]),
            ("description", task["description"]),
            ("queue", task["queue"]),
            ("max attempts", task["max_attempts"]),
            ("timeout", text.duration(task["timeout"])),
            ("concurrency", task["concurrency"]),
            ("key concurrency", task["key_concurrency"]),
            ("workers now", task["workers"]),
            ("registered", text.local(text.instant(task["last_seen_at"]))),
            ("payload", text.as_json(task["schema"]) if task["schema"] else None),
        ]
    )


@click.group()
def queue() -> None:
    """List, pause, resume and limit queues."""


@queue.command("list")
@json_option
def list_queues(as_json: bool) -> None:
    """List the queues with what waits and what runs in them."""
    with open_client() as client:
        answer = client.call("list_queues")
    if as_json:
        echo_json(answer["queues"])
        return
    if not answer["queues"]:
        say("There is no queue yet: the first run or limit of a queue makes it.")
        return
    rows = [
        (each["name"], _state(each), each["pending"], each["processing"], each["concurrency"], _rate(each))
        for each in answer["queues"]
    ]
    click.echo(table(rows, ("queue", "state", "pending", "processing", "limit", "rate")))


def _state(queue: dict[str, Any]) -> str:
    if queue["paused_at"] is None:
        return "open"
    note = f": {queue['pause_note']}" if queue["pause_note"] else ""
    return f"paused since {text.local(text.instant(queue['paused_at']))}{note}"


def _rate(queue: dict[str, Any]) -> str | None:
    if queue["rate"] is None:
        return None
    per = next((per for per, seconds in RATES.items() if round(queue["rate"] * seconds, 6).is_integer()), "s")
    return f"{queue['rate'] * RATES[per]:.6g}/{per}, burst {queue['burst']}"


@queue.command(epilog=examples("hourhand queue pause default --note 'the API is down'"))
@click.argument("name", type=NAME, shell_complete=completion.queues)
@click.option("--note", help="Why; it is shown wherever the queue is.")
@json_option
def pause(name: str, note: str | None, as_json: bool) -> None:
    """Start no more runs of this queue; those that run go on."""
    _steer("pause_queue", name, "is paused; runs that had started go on", as_json, p_note=note)


@queue.command()
@click.argument("name", type=NAME, shell_complete=completion.queues)
@json_option
def resume(name: str, as_json: bool) -> None:
    """Start runs of this queue again."""
    _steer("resume_queue", name, "is open", as_json)


@queue.command(
    epilog=examples(
        "hourhand queue limit mail --concurrency 5 --rate 100/min", "hourhand queue limit mail --clear"
    )
)
@click.argument("name", type=NAME, shell_complete=completion.queues)
@click.option("--concurrency", type=click.IntRange(min=1), help="So many runs at once, over all workers.")
@click.option("--rate", metavar="N/UNIT", help="So many runs started per s, min or h, over all workers.")
@click.option(
    "--burst",
    type=click.IntRange(min=1),
    help="So many at once after a rest. [default: those of a second, 1 at least]",
)
@click.option("--clear", is_flag=True, help="Take away the limits that are not given here.")
@json_option
def limit(
    name: str, concurrency: int | None, rate: str | None, burst: int | None, clear: bool, as_json: bool
) -> None:
    """Bound what this queue runs, over all workers."""
    if not clear and concurrency is None and rate is None and burst is None:
        raise click.UsageError("give --concurrency, --rate, --burst or --clear")
    limits = {"p_concurrency": concurrency, "p_rate": _per_second(rate), "p_burst": burst, "p_clear": clear}
    _steer("limit_queue", name, "has its limits", as_json, **limits)


def _per_second(rate: str | None) -> float | None:
    if rate is None:
        return None
    count, _, unit = rate.partition("/")
    try:
        return float(count) / RATES[unit.strip()]
    except (KeyError, ValueError):
        raise click.BadParameter(
            f"{rate!r} is no rate such as 10/s, 100/min or 5/h", param_hint="--rate"
        ) from None


def _steer(function: str, name: str, told: str, as_json: bool, **params: Any) -> None:
    with open_client() as client:
        answer = client.call(function, p_queue=name, **params)
    if as_json:
        echo_json(answer)
    else:
        say(f"queue {name} {told}")
