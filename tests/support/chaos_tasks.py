"""The tasks of the chaos tests. What they do is a row in the table `effects`; what they wait for is a file."""

import asyncio
import os
from pathlib import Path

import psycopg

from hourhand import Cancel, Retry, Run, Snooze, task
from hourhand.retry import RetryPolicy

MANY = 100
SOON = RetryPolicy(first=0.1, cap=1.0)


def leave(run: Run) -> None:
    """The effect: what happened, told by whoever did it."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "insert into effects (run_id, attempt, token, scheduled_for) values (%s, %s, %s, %s)",
            [run.id, run.attempt, run.token, run.scheduled_for],
        )


@task("touch", max_attempts=MANY, retry=SOON)
def touch(run: Run) -> None:
    leave(run)


@task("linger", max_attempts=MANY, retry=SOON)
async def linger(run: Run, seconds: float = 0.3) -> None:
    """On the event loop, and long enough to be hit in the middle."""
    await asyncio.sleep(seconds)
    await asyncio.to_thread(leave, run)


@task("stumble", max_attempts=MANY, retry=SOON)
def stumble(run: Run) -> None:
    """Fails the first time."""
    if run.attempt == 1:
        raise RuntimeError("stumbled")
    leave(run)


@task("hold")
def hold(gate: str, run: Run) -> str:
    """Until there is a file of that name, in which {attempt} stands for the number of the attempt."""
    path = Path(gate.format(attempt=run.attempt))
    while not path.exists():
        if run.wait(0.01):
            raise InterruptedError(run.cancel_reason)
    leave(run)
    return f"attempt {run.attempt}"


@task("hold-async")
async def hold_async(gate: str, run: Run) -> str:
    path = Path(gate.format(attempt=run.attempt))
    while not path.exists():  # noqa: ASYNC110, ASYNC240  (what it waits for is in another process)
        await asyncio.sleep(0.01)
    await asyncio.to_thread(leave, run)
    return f"attempt {run.attempt}"


@task("babble")
async def babble(gate: str, run: Run, end: str = "return") -> str:
    """Tells all that a task can tell, once there is a file of that name, and ends in one of the ways."""
    while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)
    run.log.warning("said by attempt {}", run.attempt)
    run.progress(run.attempt)
    match end:
        case "raise":
            raise RuntimeError("babbled")
        case "retry":
            raise Retry(after=0)
        case "snooze":
            raise Snooze(1)
        case "cancel":
            raise Cancel("enough")
        case "commit":
            await asyncio.to_thread(commit, run)
    return f"attempt {run.attempt}"


def commit(run: Run) -> None:
    """An effect and the end of the run in one transaction."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(
            "insert into effects (run_id, attempt, token) values (%s, %s, %s)",
            [run.id, run.attempt, run.token],
        )
        run.complete_in(connection)


@task("once-then-quick")
def once_then_quick(run: Run) -> None:
    """The first time it takes for ever, as far as anybody can tell."""
    if run.attempt == 1:
        run.wait(600)
    leave(run)


@task("exact")
def exact(n: int, run: Run) -> int:
    """Takes one whole number and nothing else."""
    leave(run)
    return n
