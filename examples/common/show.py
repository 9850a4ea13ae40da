"""Running an example from start to finish, with the commands one would type."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from hourhand import Client
from hourhand.errors import HourhandError
from hourhand.records import RunRecord

PATIENCE = 120.0  # seconds in which an example waits for what is tried again
SOON = 0.5  # seconds until it looks again at what a worker of somebody else has begun
INTERRUPTED = 130  # the exit code that shells give to Ctrl-C


def in_words(example: Callable[[], int]) -> int:
    """Run it, and say in words what ends it early; the exit code."""
    try:
        return example()
    except HourhandError as error:
        print(f"Error: {error}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted. What was done is kept: run it again to go on.", file=sys.stderr)
        return INTERRUPTED


def hourhand(url: str, *arguments: str) -> int:
    """Run the command as one would by hand; its exit code, which is 1 where a run failed.

    Raises HourhandError when the command itself could not do its work.
    """
    environment = {**os.environ, "DATABASE_URL": url}
    with subprocess.Popen([sys.executable, "-m", "hourhand", *arguments], env=environment) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.wait()  # it has heard Ctrl-C too, and gives back the runs that it holds
            raise
    if code not in (0, 1):
        raise HourhandError(f"hourhand {arguments[0]} ended with exit code {code}")
    return code


def work(url: str, client: Client, first: int, *options: str) -> list[RunRecord]:
    """Let workers do what the runs from the id `first` on ask for, until no attempt is left; those runs."""
    end = time.monotonic() + PATIENCE
    while True:
        now = client.now()
        hourhand(url, "worker", "--drain", "--log-level", "ERROR", *options)
        runs = runs_since(client, first)
        wait = _next_look(runs, now, client.now())
        if wait is None or time.monotonic() + wait > end:
            return runs
        time.sleep(wait)


def runs_since(client: Client, first: int) -> list[RunRecord]:
    """All runs from the one with the id `first` on, oldest first."""
    return [run for run in reversed(client.runs.list(limit=10_000)) if run.id >= first]


def print_tally(runs: Sequence[RunRecord]) -> None:
    """A line for each task: how many of its runs ended in which way, and how long all of them took."""
    for task in sorted({run.task for run in runs}):
        those = [run for run in runs if run.task == task]
        ends = ", ".join(f"{sum(run.status == s for run in those)} {s}" for s in _statuses(those))
        seconds = sum(run.duration.total_seconds() for run in those if run.duration)
        print(f"  {task:<26} {ends} ({seconds * 1000:.0f} ms)")


def print_failures(runs: Iterable[RunRecord]) -> None:
    """A line for each run that did not do its work, and why: those that are still to be tried again too."""
    for run in runs:
        if run.status != "completed" and run.error:
            print(f"  run {run.id} of {run.task} {run.status}: {run.error}")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _next_look(runs: Sequence[RunRecord], worked: datetime, now: datetime) -> float | None:
    """In how many seconds a run is due that was not when the worker began, or may have ended; None: none."""
    begun = [SOON for run in runs if run.status == "processing"]
    due = [run.run_at for run in runs if run.status == "pending" and run.run_at and run.run_at > worked]
    return min([*begun, *(max(0.0, (at - now).total_seconds()) for at in due)], default=None)


def _statuses(runs: Iterable[RunRecord]) -> list[str]:
    return sorted({run.status for run in runs})
