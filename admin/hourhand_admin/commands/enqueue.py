"""`hourhand enqueue`: one run of a task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from hourhand.cli import json_option
from hourhand_admin.terminal import completion
from hourhand_admin.terminal.inputs import AHEAD, DURATION, JSON, NAME, SOME_TIME, Moment, NameType, resolved
from hourhand_admin.terminal.session import examples, open_client


@click.command(
    epilog=examples(
        "hourhand enqueue ingest-rss",
        """hourhand enqueue ingest-rss --payload '{"url": "https://example.org/feed"}' --wait""",
        "hourhand enqueue report --run-at +2h --key report-today",
        "generate | hourhand enqueue ingest-rss --payload -",
    )
)
@click.argument("task", shell_complete=completion.tasks)
@click.option(
    "--payload", type=JSON, metavar="JSON", help="An object or list; @FILE, or - for stdin. [default: {}]"
)
@click.option("--key", type=NameType(500), help="The same call with the same key finds the run that exists.")
@click.option("--key-scope", metavar="TEXT", help="Where the key counts. [default: the task]")
@click.option("--key-ttl", type=SOME_TIME, help="How long the key is remembered. [default: 24h]")
@click.option(
    "--replace", is_flag=True, help="With a key: put the new payload into the run that has not started."
)
@click.option("--run-at", type=AHEAD, help="Not before this time, or after a while (+10m). [default: now]")
@click.option(
    "--priority", type=click.IntRange(-100, 100), help="Higher first. [default: the task's, else 0]"
)
@click.option("--queue", type=NAME, help="Where it waits. [default: the task's, else default]")
@click.option("--concurrency-key", metavar="TEXT", help="Of the runs with one key, one runs at a time.")
@click.option(
    "--max-attempts",
    type=click.IntRange(1, 1000),
    help="How often it is tried. [default: the task's, else 4]",
)
@click.option("--timeout", type=SOME_TIME, help="Bound of one attempt. [default: the task's, else 1h]")
@click.option(
    "--wait", is_flag=True, help="Wait for the end: the result on stdout, exit 1 if the run failed."
)
@click.option("--wait-timeout", type=DURATION, help="How long to wait at most. [default: for ever]")
@click.option("--force", is_flag=True, help="Also when no worker has registered the task.")
@json_option
def enqueue(
    task: str,
    payload: Any,
    run_at: Moment | None,
    replace: bool,
    wait: bool,
    wait_timeout: timedelta | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Enqueue one run of TASK, for a worker to run.

    The payload is checked against what the task takes. The id of the run goes to stdout.
    """
    if options["key"] is None and (replace or options["key_scope"] or options["key_ttl"]):
        raise click.UsageError("--key-scope, --key-ttl and --replace go with --key.")
    if wait_timeout is not None and not wait:
        raise click.UsageError("--wait-timeout goes with --wait.")
    from hourhand_admin.terminal.ending import tell_handle
    from hourhand_admin.terminal.tasks import check_payload, require_task, warn_of_unknown_task

    with open_client() as client:
        check_payload((warn_of_unknown_task if force else require_task)(client, task), payload)
        handle = client.enqueue(
            task,
            {} if payload is None else payload,
            run_at=resolved(run_at, client.now),
            on_conflict="replace" if replace else None,
            **options,
        )
        return tell_handle(handle, as_json, wait=wait, timeout=wait_timeout)
