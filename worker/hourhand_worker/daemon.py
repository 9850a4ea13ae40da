"""Puts a worker together from the settings."""

import click

from hourhand import log, registry
from hourhand.durations import parse_duration
from hourhand.errors import BadSetting
from hourhand.settings import Settings, load_settings
from hourhand.transport import connect
from hourhand_worker.worker import Until, Worker


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
    if not len(tasks):
        raise BadSetting(
            "there are no tasks to run", "Name the modules that define them with --tasks or HOURHAND_TASKS."
        )
    transport = connect(settings, application_name="hourhand-worker")
    pulse = connect(settings, application_name="hourhand-worker", patience=_beat_patience(settings))
    try:
        return Worker(settings, tasks, transport, pulse=pulse, name=name).run(until)
    finally:
        pulse.close()
        transport.close()


def _beat_patience(settings: Settings) -> float:
    # A beat that is repeated for longer than the time to the next is worth less than a new one.
    return settings.lease.total_seconds() / 3
