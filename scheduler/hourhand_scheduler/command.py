"""The command `hourhand scheduler`. Imports nothing heavy: `hourhand --help` loads it."""

import click

from hourhand.handlers import early_signals


@click.command()
@click.option("--once", is_flag=True, help="Look once, fire what is due, and exit.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    metavar="SECONDS",
    help="Time between two looks at the schedules.  [env JOB_SCHEDULER_POLL_MS; default: 60 seconds]",
)
@click.option(
    "--log-level", metavar="LEVEL", help="Least level that is logged.  [env LOG_LEVEL; default: INFO]"
)
def scheduler(once: bool, interval: float | None, log_level: str | None) -> None:
    """Turn due schedules into runs.

    Any number of schedulers may run at once, on any number of machines: each instant fires exactly once.
    """
    with early_signals(code=130 if once else 0):
        from hourhand_scheduler import daemon

        daemon.run(once=once, interval=interval, log_level=log_level)


commands = (scheduler,)
