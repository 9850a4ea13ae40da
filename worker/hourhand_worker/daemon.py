"""Puts a worker together from the settings."""

import gc
import os
import sys
import threading
from time import sleep

import click

from hourhand import log, registry, tracing
from hourhand.durations import parse_duration
from hourhand.errors import BadSetting
from hourhand.settings import load_settings
from hourhand.transport import connect
from hourhand_worker import apart
from hourhand_worker.standin import StandIn
from hourhand_worker.until import Until
from hourhand_worker.worker import Worker

APPLICATION = "hourhand-worker"

TURN = 0.001
"""Seconds that a thread may compute while another waits for its turn, instead of Python's 5 ms. Those that
talk with the database have little to do, and until it is done neither side works. It costs tasks little:
`ThreadLane` has few of them compute at once."""

LINGER = 1.0
"""Seconds for which threads that tasks have left behind may hold up the end of the process."""


def until(*, once: bool, drain: bool, max_jobs: int | None, max_time: str | None) -> Until:
    """Raises click.UsageError for options that do not go together."""
    if once and drain:
        raise click.UsageError("--once and --drain exclude each other")
    try:
        seconds = None if max_time is None else parse_duration(max_time).total_seconds()
    except ValueError as error:
        raise click.UsageError(f"--max-time: {error}") from None
    return Until(once=once, drain=drain, runs=max_jobs, seconds=seconds)


def run(*, until: Until, name: str | None, **overrides: object) -> int:
    """The exit code. Raises BadSetting, TaskImportError and the TransportErrors."""
    settings = load_settings(**overrides)
    log.configure(settings, "worker", name)
    tasks = registry.load(settings.tasks)
    tracing.start(APPLICATION)
    if not len(tasks):
        raise BadSetting(
            "there are no tasks to run", "Name the modules that define them with --tasks or HOURHAND_TASKS."
        )
    transport = connect(settings, application_name=APPLICATION, patience=5.0)
    # Short, because whoever calls tries again by itself, and must hear that it is time to stop.
    pulse = connect(settings, application_name=APPLICATION, patience=5.0 if until.passing else 1.0)
    longest = max(task.timeout for task in tasks)
    # Where it can be told whether a process is stopped. Elsewhere a blocked interpreter loses the lease.
    stand_in = StandIn(settings.lease, longest) if sys.platform == "linux" else None
    # What is imported stays: looking for garbage in it would cost a fast worker a twentieth of its time.
    gc.freeze()
    sys.setswitchinterval(TURN)
    try:
        code = Worker(settings, tasks, transport, pulse=pulse, stand_in=stand_in, name=name).run(until)
    finally:
        if stand_in is not None:
            stand_in.close()
        pulse.close()
        transport.close()
        tracing.end()
    _end_in_time(code)
    return code


def _end_in_time(code: int) -> None:
    """Python waits for threads and executors, however long, and a task may have left one behind."""
    ending = threading.Event()

    def end() -> None:
        ending.wait()
        sleep(LINGER)
        log.event("worker.trouble", "WARNING", "Threads that tasks have left behind are cut off")
        os._exit(code)

    apart.begin(end, "end")
    # The public hooks are called when the waiting is over.
    threading._register_atexit(ending.set)  # type: ignore[attr-defined]
