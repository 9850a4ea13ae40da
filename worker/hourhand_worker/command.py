"""The command `hourhand worker`. Imports nothing heavy: `hourhand --help` loads it."""

import click

from hourhand.handlers import early_signals


@click.command()
@click.option("--once", is_flag=True, help="Claim once, run what was claimed, and exit.")
@click.option(
    "--drain", is_flag=True, help="Work until nothing is runnable; then exit with 0, or 1 if a run failed."
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    metavar="SECONDS",
    help="Time between two looks at the queue.  [env JOB_WORKER_POLL_MS; default: 30 seconds]",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Runs that one claim takes at most.  [env JOB_WORKER_BATCH; default: 5]",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    help="Runs at once.  [env HOURHAND_CONCURRENCY; default: as many as the batch]",
)
@click.option("--max-jobs", type=click.IntRange(min=1), metavar="N", help="Exit after so many runs.")
@click.option("--max-time", metavar="DURATION", help="Exit after that time, such as 90 or 1h30m.")
@click.option(
    "--queues", metavar="A,B", help="Queues to take runs from.  [env HOURHAND_QUEUES; default: default]"
)
@click.option(
    "--tasks",
    multiple=True,
    metavar="MODULE",
    help="Module that defines tasks; repeatable.  [env HOURHAND_TASKS]",
)
@click.option("--name", metavar="NAME", help="Name in the log and the list of services.  [default: the host]")
@click.option(
    "--log-level", metavar="LEVEL", help="Least level that is logged.  [env LOG_LEVEL; default: INFO]"
)
def worker(
    once: bool,
    drain: bool,
    interval: float | None,
    batch: int | None,
    concurrency: int | None,
    max_jobs: int | None,
    max_time: str | None,
    queues: str | None,
    tasks: tuple[str, ...],
    name: str | None,
    log_level: str | None,
) -> int:
    """Run the tasks of due runs.

    Any number of workers may run at once, on any number of machines. TERM and INT let running work end
    within HOURHAND_SHUTDOWN_SECONDS and give the rest back; a second one interrupts it at once. Exits with
    75 when it wants to be started afresh (HOURHAND_MEMORY_LIMIT_MB, or tasks that nothing can stop).
    """
    with early_signals(code=130 if once or drain else 0):
        from hourhand_worker import daemon

        return daemon.run(
            name=name,
            until=daemon.until(once=once, drain=drain, max_jobs=max_jobs, max_time=max_time),
            worker_poll=None if interval is None else interval * 1000,
            worker_batch=batch,
            concurrency=concurrency,
            queues=queues,
            tasks=tasks or None,
            log_level=log_level,
        )


commands = (worker,)
