"""Running an example from start to finish, with the commands one would type."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence

from hourhand import Client
from hourhand.errors import HourhandError
from hourhand.records import RunRecord


def hourhand(url: str, *arguments: str) -> int:
    """Run the command as one would by hand; its exit code, which is 1 where a run failed.

    Raises HourhandError when the command itself could not do its work.
    """
    environment = {**os.environ, "DATABASE_URL": url}
    ended = subprocess.run([sys.executable, "-m", "hourhand", *arguments], env=environment, check=False)
    if ended.returncode not in (0, 1):
        raise HourhandError(f"hourhand {arguments[0]} ended with exit code {ended.returncode}")
    return ended.returncode


def work(url: str, tasks: str) -> None:
    """Let a worker do all there is to do."""
    hourhand(url, "worker", "--drain", "--tasks", tasks, "--log-level", "ERROR", "--batch", "10")


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
    for run in runs:
        if run.status in ("failed", "cancelled"):
            print(f"  run {run.id} of {run.task} {run.status}: {run.error}")


def told(error: HourhandError) -> int:
    """Say what went wrong; the exit code."""
    print(f"Error: {error}", error.hint or "", sep="\n", file=sys.stderr)
    return error.exit_code


def _statuses(runs: Iterable[RunRecord]) -> list[str]:
    return sorted({run.status for run in runs})
