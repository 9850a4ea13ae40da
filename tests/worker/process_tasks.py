"""Tasks that run in processes, for tests: a process imports them from here."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from loguru import logger

from hourhand import Retry, Run, task
from hourhand.retry import RetryPolicy
from hourhand.tasks import Task

_SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@task("apart-adds", isolation="process", max_attempts=1)
def adds(a: int, b: int) -> dict[str, int]:
    return {"sum": a + b, "pid": os.getpid()}


@task("apart-adds-async", isolation="process", max_attempts=1)
async def adds_async(a: int, b: int) -> int:
    await asyncio.sleep(0.01)
    return a + b


@task("apart-tells", isolation="process", max_attempts=1)
def tells(run: Run) -> dict[str, Any]:
    run.log.info("run {} begins", run.id)
    logging.getLogger("tells").warning("by way of logging")
    logger.error("by way of {}", "loguru")
    print("printed")
    print("printed to stderr", file=sys.stderr)
    run.progress(1, 3, "a third")
    child = run.enqueue("apart-adds", {"a": 1, "b": 2})
    return {"child": child.id, "outcome": child.outcome, "attempt": run.attempt}


@task("apart-misdirects", isolation="process", max_attempts=1)
def misdirects(run: Run, queue: str) -> None:
    run.enqueue("nobody-knows-this", {}, queue=queue)


@task("apart-fails", isolation="process", max_attempts=2, retry=RetryPolicy(never=(KeyError,), first=0))
def fails(kind: str) -> None:
    raise {"KeyError": KeyError, "ValueError": ValueError}[kind]("no")


@task("apart-retries", isolation="process", max_attempts=1)
def retries() -> Retry:
    return Retry(60, "later")


@task("apart-waits", isolation="process", max_attempts=1, timeout=0.3)
def waits(marker: str) -> None:
    try:
        time.sleep(60)
    finally:
        Path(marker).write_text("cleaned up")


@task("apart-waits-async", isolation="process", max_attempts=1, timeout=0.3)
async def waits_async(marker: str) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        Path(marker).write_text("cleaned up")  # noqa: ASYNC240


@task("apart-holds", isolation="process", max_attempts=1)
def holds(marker: str) -> None:
    Path(marker).write_text(str(os.getpid()))
    time.sleep(60)


@task("apart-waits-for", isolation="process", max_attempts=1)
def waits_for(marker: str, gate: str) -> None:
    Path(marker).write_text(str(os.getpid()))
    while not Path(gate).exists():
        time.sleep(0.01)


@task("apart-stays", isolation="process", max_attempts=1)
def stays(marker: str) -> None:
    """Whatever is said to it; and it has started others, one of them in a session of its own."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    children = [
        subprocess.Popen(_SLEEPER).pid,
        subprocess.Popen(_SLEEPER, start_new_session=True).pid,
    ]
    Path(marker).write_text(" ".join(map(str, [os.getpid(), *children])))
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001
            continue


@task("apart-remembers", isolation="process", max_attempts=1)
def remembers(change: str = "") -> dict[str, Any]:
    if change == "environment":
        os.environ["HOURHAND_TEST_LEFT"] = "1"
    if change == "directory":
        os.chdir("/")
    if change == "process":
        subprocess.Popen(_SLEEPER)
    return {"pid": os.getpid(), "left": os.environ.get("HOURHAND_TEST_LEFT"), "at": os.getcwd()}


@task("apart-devours", isolation="process", max_attempts=1, memory_mb=64)
def devours(megabytes: int) -> int:
    return len(bytearray(megabytes * 2**20))


@task("apart-ends", isolation="process", max_attempts=1)
def ends(code: int) -> None:
    sys.stderr.write("famous last words\n")
    sys.stderr.flush()
    os._exit(code)


@task("apart-crashes-once", isolation="process", max_attempts=3, retry=RetryPolicy(first=0))
def crashes_once(run: Run) -> str:
    if run.attempt == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return f"attempt {run.attempt}"


@task("apart-floods", isolation="process", max_attempts=1)
def floods(lines: int) -> str:
    for _ in range(lines):
        os.write(1, b"x" * 999 + b"\n")
    return "done"


TASKS = [each for each in list(globals().values()) if isinstance(each, Task)]
