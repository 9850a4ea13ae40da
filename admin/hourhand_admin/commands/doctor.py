"""`hourhand doctor`: what is wrong, and what to try."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from hourhand.cli import echo_json, json_option
from hourhand.errors import HourhandError
from hourhand.harmless import harmless
from hourhand_admin.terminal import text
from hourhand_admin.terminal.inputs import DURATION
from hourhand_admin.terminal.session import examples, open_client, say

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand_admin.diagnosis import Diagnosis

_TIMEOUT, _SCHEDULE_TIMEOUT = timedelta(seconds=60), timedelta(seconds=120)


@click.command(
    epilog=examples(
        "hourhand doctor",
        "hourhand doctor --fix",
        "hourhand doctor --test-pipeline",
        "hourhand doctor --test-pipeline --schedule --json",
    )
)
@click.option("--fix", is_flag=True, help="First take the runs of dead workers back into their queues.")
@click.option(
    "--all-processing",
    is_flag=True,
    help="With --fix: take all runs back that are processing, also of living workers.",
)
@click.option("--test-pipeline", is_flag=True, help="Then send a run through: a worker has to take it.")
@click.option(
    "--schedule",
    is_flag=True,
    help="With --test-pipeline: begin with a schedule, which a scheduler has to fire.",
)
@click.option(
    "--queue", metavar="NAME", help="With --test-pipeline: the queue to send it through. [default: default]"
)
@click.option(
    "--timeout",
    type=DURATION,
    help="With --test-pipeline: how long it may take in all. [default: 60s; 2m with --schedule]",
)
@json_option
def doctor(
    fix: bool,
    all_processing: bool,
    test_pipeline: bool,
    schedule: bool,
    queue: str | None,
    timeout: timedelta | None,
    as_json: bool,
) -> int:
    """Find what is wrong, and say what to try.

    It looks at settings, database, schema, permissions, clocks, services, tasks and schedules.

    With --test-pipeline it also sends a run of the built-in task hourhand.check through: it is put into a
    queue, claimed, run, logged and finished by a worker, and read back.

    Exit 0 when nothing is wrong, 1 when something is, 69 when the database cannot be reached, 78 when the
    configuration is wrong.
    """
    from hourhand_admin import diagnosis

    if all_processing and not fix:
        raise click.UsageError("--all-processing goes with --fix: it changes something.")
    if not test_pipeline and (schedule or queue or timeout):
        raise click.UsageError("--schedule, --queue and --timeout go with --test-pipeline.")
    try:
        with open_client() as client:
            if fix:
                _fix(client)
            if all_processing:
                _reset(client)
            found = diagnosis.diagnose(client)
            if test_pipeline and not found.broken_off:
                longest = timeout or (_SCHEDULE_TIMEOUT if schedule else _TIMEOUT)
                say(f"sending a run through, for {text.duration(longest)} at most")
                diagnosis.test_pipeline(client, found, queue or "default", longest, schedule=schedule)
    except HourhandError as error:
        found = diagnosis.of_error(error)
    if as_json:
        echo_json(found.as_json())
    else:
        click.echo(_page(found))
    return found.exit_code


def _fix(client: Client) -> None:
    """Rescue until nothing is left to rescue."""
    runs = sessions = 0
    while (answer := client.call("rescue"))["sessions"]:
        runs += answer["runs"]
        sessions += answer["sessions"]
    say(f"took back {text.count(runs, 'run')} of {text.count(sessions, 'dead service')}")


def _reset(client: Client) -> None:
    """Those that are processing now; what is claimed meanwhile is left alone."""
    answer = client.call("reset_runs")
    runs = answer["runs"]
    while answer["runs"]:
        answer = client.call("reset_runs", p_claimed_before=answer["before"])
        runs += answer["runs"]
    say(f"took back {text.count(runs, 'run')} that {'was' if runs == 1 else 'were'} processing")


def _page(found: Diagnosis) -> str:
    from hourhand_admin.health import FINDINGS_PAGE

    lines = [f"ok        {name}: {told}" for name, told in found.passed]
    lines += [f"ok        pipeline: {step.id}, {step.what} ({step.ms:.1f} ms)" for step in found.steps or ()]
    for finding in found.findings:
        lines.append(f"{finding.level:<9} {finding.id}: {harmless(finding.what)}")
        lines.append(f"{'':<9} {finding.fix}")
    if found.findings:
        lines.append(f"What each finding means: {FINDINGS_PAGE}")
    return "\n".join(lines)
