"""`hourhand run`: look at runs, wait for them, cancel them, retry them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand.errors import FAILED
from hourhand_admin.terminal import completion, text
from hourhand_admin.terminal.filters import STATUSES, filter_options, matching
from hourhand_admin.terminal.inputs import BACK, DURATION, JSON, RUN_ID, Moment, resolved
from hourhand_admin.terminal.session import examples, open_client, say

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.records import RunRecord

_EVERY_RUN = 1_000_000

ids_argument = click.argument("ids", metavar="[ID]...", type=RUN_ID, nargs=-1)
id_argument = click.argument("run_id", metavar="ID", type=RUN_ID)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only list the runs that are meant.")


@click.group()
def run() -> None:
    """Look at runs, wait for them, cancel and retry them."""


@run.command(
    "list",
    epilog=examples(
        "hourhand run list --status failed --since 2h", "hourhand run list --task ingest-rss --json"
    ),
)
@filter_options
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@json_option
def list_runs(limit: int, as_json: bool, **chosen: Any) -> None:
    """List the newest runs, newest first."""
    with open_client() as client:
        runs = client.runs.list(limit=limit, **matching(client, chosen))
        if as_json:
            echo_json([_plain(run) for run in runs])
        elif runs:
            click.echo(_listed(runs, client.now()))
        else:
            say("No run matches.")


@run.command(epilog=examples("hourhand run show 12"))
@id_argument
@json_option
def show(run_id: int, as_json: bool) -> None:
    """Show one run with its payload, result, error and attempts."""
    with open_client() as client:
        run = client.runs.get(run_id)
        if as_json:
            echo_json(_plain(run))
        else:
            from hourhand_admin.terminal.run_page import run_page

            click.echo(run_page(run, client.now()))


@run.command(epilog=examples("hourhand run logs 12", "hourhand run logs 12 -f"))
@id_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@json_option
def logs(run_id: int, follow: bool, as_json: bool) -> None:
    """Write the lines that a run has logged.

    With --json one object a line.
    """
    import json

    from hourhand_admin.terminal.run_log import shown, written

    with open_client() as client:
        for line in written(client, run_id, follow=follow):
            if as_json:
                click.echo(json.dumps(line))
            else:
                click.echo(shown(line))


@run.command(epilog=examples("hourhand run wait 12 --timeout 5m && echo done"))
@id_argument
@click.option("--timeout", type=DURATION, help="How long to wait at most. [default: for ever]")
@json_option
def wait(run_id: int, timeout: timedelta | None, as_json: bool) -> int:
    """Wait until a run has ended.

    Its result goes to stdout; exit 1 if it failed or was cancelled.
    """
    from hourhand.handle import Handle
    from hourhand_admin.terminal.ending import tell_end

    with open_client() as client:
        return tell_end(Handle(client.runs, run_id, "existing").wait(timeout), as_json)


@run.command(epilog=examples("hourhand run now ingest-rss --tasks myproject.tasks"))
@click.argument("task", shell_complete=completion.tasks)
@click.option(
    "--payload", type=JSON, metavar="JSON", help="An object or list; @FILE, or - for stdin. [default: {}]"
)
@click.option(
    "--tasks",
    metavar="MODULE",
    multiple=True,
    help="Module that defines tasks; repeatable. [env HOURHAND_TASKS]",
)
@json_option
def now(task: str, payload: Any, tasks: tuple[str, ...], as_json: bool) -> int:
    """Run TASK here and now, in the foreground, recorded as a run.

    One attempt: the result goes to stdout, what the task writes and logs to stderr; exit 1 if it failed.
    """
    from hourhand_admin.terminal.ending import tell_end
    from hourhand_admin.terminal.foreground import run_here
    from hourhand_admin.terminal.tasks import load_with

    with open_client() as client:
        known = load_with(task, tasks or client.settings.tasks)
        return tell_end(run_here(client, known, task, payload), as_json)


@run.command(
    epilog=examples(
        "hourhand run cancel 12 13", "hourhand run cancel --status pending --task ingest-rss --dry-run"
    )
)
@ids_argument
@filter_options
@click.option("--reason", help="Why; the run keeps it.")
@dry_run_option
@json_option
def cancel(ids: Sequence[int], reason: str | None, dry_run: bool, as_json: bool, **chosen: Any) -> int:
    """Cancel runs by id or by filter.

    Those that wait are cancelled at once, those that run are asked to stop.
    """
    told = {"cancelled": "cancelled", "requested": "asked to stop", "finished": "had ended before"}
    with open_client() as client:
        meant = _meant(client, ids, chosen, ("pending", "processing"))
        if dry_run:
            return _preview(client, meant, as_json)
        done = _each(meant, lambda run_id: {"outcome": client.runs.cancel(run_id, reason)})
        return _tell(done, as_json, lambda each: told[each["outcome"]])


@run.command(
    epilog=examples("hourhand run retry 12", "hourhand run retry --status failed --since 24h --dry-run")
)
@ids_argument
@filter_options
@click.option("--payload", type=JSON, metavar="JSON", help="Another payload. [default: that of the run]")
@dry_run_option
@json_option
def retry(ids: Sequence[int], payload: Any, dry_run: bool, as_json: bool, **chosen: Any) -> int:
    """Run ended runs again, each as a new run, by id or by filter. The new ids go to stdout.

    A filter without --status means the failed ones.
    """
    with open_client() as client:
        meant = _meant(client, ids, chosen, ("failed",))
        if dry_run:
            return _preview(client, meant, as_json)
        done = _each(meant, lambda run_id: {"retried_as": client.runs.retry(run_id, payload).id})
        return _tell(done, as_json, lambda each: f"runs again as {each['retried_as']}", data="retried_as")


@run.command(epilog=examples("hourhand run stats", "hourhand run stats --by task --since 7d"))
@click.option(
    "--by", type=click.Choice(["status", "attempt", "hour", "task"]), default="status", show_default=True
)
@click.option("--task", help="Only runs of this task.")
@click.option("--queue", help="Only runs of this queue.")
@click.option(
    "--since", type=BACK, help="Only runs created since this time, or this long ago. [default: 24h]"
)
@click.option("--until", type=BACK, help="Only runs created before this time, or longer ago.")
@json_option
def stats(by: str, since: Moment | None, until: Moment | None, as_json: bool, **chosen: str | None) -> None:
    """Count runs by status, attempt, hour or task."""
    with open_client() as client:
        answer = client.call(
            "count_runs",
            p_by=by,
            p_since=resolved(since, client.now),
            p_until=resolved(until, client.now),
            p_filter={name: value for name, value in chosen.items() if value},
        )
    if as_json:
        echo_json(answer)
    elif answer["groups"]:
        click.echo(_counted(answer))
    else:
        say("No run matches.")


# --- What several commands share ---


def _meant(
    client: Client, ids: Sequence[int], chosen: Mapping[str, Any], statuses: Sequence[str]
) -> Sequence[int]:
    """The ids given, or those that the filter finds; a filter without a status means `statuses`."""
    filtered = matching(client, chosen)
    if ids and not filtered:
        return list(dict.fromkeys(ids))
    if not ids and not filtered:
        raise click.UsageError("Say which runs: by their ids, or by a filter such as --status or --task.")
    if ids:
        filtered["ids"] = ids
    else:
        filtered.setdefault("status", statuses)
    return [run.id for run in client.runs.list(limit=_EVERY_RUN, **filtered)]


def _preview(client: Client, meant: Sequence[int], as_json: bool) -> int:
    runs = client.runs.list(limit=len(meant), ids=meant) if meant else []
    if as_json:
        echo_json([_plain(run) for run in runs])
    else:
        if runs:
            click.echo(_listed(runs, client.now()))
        say(f"{text.count(len(runs), 'run')}; nothing was changed.")
    return 0


def _each(ids: Iterable[int], work: Callable[[int], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What came of each; one that cannot be done does not stop the others."""
    from hourhand.errors import Conflict, NotFound

    for run_id in ids:
        try:
            yield {"id": run_id, **work(run_id)}
        except (NotFound, Conflict) as error:
            yield {"id": run_id, "error": str(error)}


def _tell(
    done: Iterable[dict[str, Any]],
    as_json: bool,
    told: Callable[[dict[str, Any]], str],
    *,
    data: str | None = None,
) -> int:
    """Each as it is done; `data` names what of it a script wants, on stdout."""
    results = []
    for each in done:
        results.append(each)
        if "error" in each:
            say(each["error"])  # it says which run
        elif not as_json:
            say(f"run {each['id']} {told(each)}")
            if data is not None:
                click.echo(each[data])
    if as_json:
        echo_json(results)
    elif not results:
        say("No run matches.")
    return FAILED if any("error" in each for each in results) else 0


def _plain(run: RunRecord) -> dict[str, Any]:
    return run.model_dump(mode="json", exclude_unset=True)


def _listed(runs: Iterable[RunRecord], now: datetime) -> str:
    rows = [
        (run.id, run.status, run.task, run.trigger, f"{run.attempt}/{run.max_attempts}",
         text.ago(run.created_at, now), text.duration(run.duration), text.shorten(run.error, 80) or None)
        for run in runs
    ]  # fmt: skip
    return table(rows, ("id", "status", "task", "trigger", "attempt", "created", "took", "error"))


def _counted(answer: dict[str, Any]) -> str:
    statuses = [
        status for status in STATUSES if any(status in group["statuses"] for group in answer["groups"])
    ]
    if answer["by"] == "status":
        statuses = []
    rows = [
        (
            _group(answer["by"], group["group"]),
            group["runs"],
            *(group["statuses"].get(status, 0) for status in statuses),
        )
        for group in answer["groups"]
    ]
    return table(rows, (answer["by"], "runs", *statuses))


def _group(by: str, group: Any) -> str:
    return text.local(text.instant(group)) if by == "hour" else str(group)
