"""`hourhand up` and `hourhand stop`: everything on this machine, with one command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hourhand.errors import FAILED, HourhandError
from hourhand_admin.terminal.session import examples, say

if TYPE_CHECKING:
    from hourhand.settings import Settings

_PORT = 8000

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the embedded database, logs and up.pid.  [env HOURHAND_DATA_DIR; default: .hourhand]",
)


@click.command(
    epilog=examples("hourhand up", "hourhand up --tasks myproject.tasks --reload", "hourhand up --detach")
)
@data_dir_option
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the admin.  [default: 8000, or the next one that is free]",
)
@click.option(
    "--tasks",
    metavar="MODULE",
    multiple=True,
    help="Module that defines tasks; repeatable.  [env HOURHAND_TASKS]",
)
@click.option(
    "--schedules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of schedules, applied at start.  [env HOURHAND_SCHEDULES]",
)
@click.option("--reload", is_flag=True, help="Restart the worker when Python files change.")
@click.option("--detach", is_flag=True, help="Run in the background; return when everything runs.")
@click.option("--announce-to", type=int, hidden=True)
def up(
    data_dir: Path | None,
    port: int | None,
    tasks: tuple[str, ...],
    schedules: Path | None,
    reload: bool,
    detach: bool,
    announce_to: int | None,
) -> int:
    """Run scheduler, worker and admin here, and a database.

    The database is an embedded one, unless another is configured. What ends is started again. Ctrl-C stops
    everything in order, and a second one at once. All data are in one directory, which the next `hourhand
    up` takes up again.
    """
    from hourhand.settings import load_settings

    settings = load_settings(data_dir=data_dir, tasks=tasks or None, schedules=schedules)
    if detach:
        return _detach(settings, port, reload)
    return _run(settings, port, reload, announce_to)


def _run(settings: Settings, port: int | None, reload: bool, announce_to: int | None) -> int:
    from hourhand import log
    from hourhand_admin import stack

    port = _free_port() if port is None else _require_free(port)
    directory = stack.log_dir(settings)
    if announce_to is not None:
        from hourhand_admin.background import Rotated

        sys.stdout = sys.stderr = Rotated(directory / "up.log", settings.log_rotate_mb)
    own_file = directory if announce_to is None else None
    with stack.claimed(settings.data_dir):
        log.configure(settings.model_copy(update={"log_dir": own_file}), "up")
        stack.run(settings, stack.Plan(port, reload, _announcer(settings, announce_to)))
    return 0


def _announcer(settings: Settings, announce_to: int | None) -> Callable[[str], None]:
    """On the terminal, or through the pipe to the command that started this one in the background."""
    from hourhand import log

    def announce(text: str) -> None:
        with suppress(OSError):  # nobody listens
            if announce_to is not None:
                with os.fdopen(announce_to, "w", encoding="utf-8") as pipe:
                    pipe.write(text)
            elif settings.log_format == "json":
                log.event("up.ready", message=text)
            else:
                click.echo(f"{text}\nCtrl-C stops everything in order.")

    return announce


def _free_port() -> int:
    """The usual one, or the next that nobody listens on: something else may use it already."""
    for port in range(_PORT, _PORT + 20):
        try:
            return _require_free(port)
        except HourhandError:
            continue
    return _require_free(_PORT)


def _require_free(port: int) -> int:
    """The port itself. Raises HourhandError when somebody listens on it."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise HourhandError(
                f"port {port} cannot be used: {error.strerror}",
                "Choose another with --port, such as --port 8001.",
            ) from error
    return port


def _detach(settings: Settings, port: int | None, reload: bool) -> int:
    from hourhand.embedded.directory import as_sentences
    from hourhand_admin import background, stack

    with stack.claimed(settings.data_dir):
        pass  # tell at once, and here, when another one runs
    arguments = ["--data-dir", str(settings.data_dir)]
    if port is not None:
        arguments += ["--port", str(port)]
    for module in settings.tasks:
        arguments += ["--tasks", module]
    if settings.schedules is not None:
        arguments += ["--schedules", str(settings.schedules)]
    if reload:
        arguments.append("--reload")
    with as_sentences(settings.data_dir):
        started = background.start(stack.log_dir(settings) / "up.log", arguments)
    if started.exit_code is None:
        click.echo(started.announcement)
        say(f"It runs in the background as process {started.pid}; `hourhand stop` stops it.")
        return 0
    say(started.said or f"Error: it ended with code {started.exit_code}")
    return max(started.exit_code, FAILED)


@click.command(epilog=examples("hourhand stop", "hourhand stop --data-dir /srv/jobs"))
@data_dir_option
def stop(data_dir: Path | None) -> int:
    """Stop what `hourhand up` runs in this directory.

    It ends in order, and running work may finish.
    """
    from hourhand.settings import load_settings
    from hourhand_admin import background

    settings = load_settings(data_dir=data_dir)
    stopped = background.stop(settings.data_dir, 3 * settings.shutdown.total_seconds() + 60)
    say(f"Stopped {stopped}." if stopped else f"Nothing runs in {settings.data_dir}.")
    return 0
