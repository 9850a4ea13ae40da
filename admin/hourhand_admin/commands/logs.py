"""`hourhand logs`: the log files of the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from hourhand.cli import json_option
from hourhand.harmless import harmless
from hourhand_admin.terminal.session import examples, say

if TYPE_CHECKING:
    from pathlib import Path

    from hourhand_admin.terminal.log_tail import LogLine

SERVICES = ("scheduler", "worker", "admin", "up")


@click.command(epilog=examples("hourhand logs -f", "hourhand logs --service worker,scheduler -n 200"))
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option(
    "--service",
    "services",
    metavar="A,B",
    default="",
    help="Of scheduler, worker, admin and up. [default: all]",
)
@click.option(
    "-n", "lines", type=click.IntRange(min=0), default=50, show_default=True, help="How many last lines."
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False),
    help="Where the files are. [env HOURHAND_LOG_DIR; default: logs in HOURHAND_DATA_DIR]",
)
@json_option
def logs(follow: bool, services: str, lines: int, directory: str | None, as_json: bool) -> int:
    """Write the last lines of the log files on this machine.

    With --json one object a line. What a single run has logged: `hourhand run logs ID`.
    """
    from hourhand_admin.terminal.log_tail import Follower, last_lines, log_files

    wanted, where = _services(services), _log_dir(directory)
    files = log_files(where, wanted)
    if not files and not follow:
        say(f"There is no log file in {where}. HOURHAND_LOG_DIR or --dir says where services write theirs.")
        return 0
    following = Follower(where, wanted)
    try:
        _write(last_lines(files, lines), as_json)
        if follow:
            _write(following, as_json)
    finally:
        following.close()
    return 0


def _services(text: str) -> tuple[str, ...]:
    names = tuple(name for part in text.split(",") if (name := part.strip()))
    for name in names:
        if name not in SERVICES:
            raise click.BadParameter(
                f"there is no service {name!r}: use {', '.join(SERVICES)}.", param_hint="--service"
            )
    return names


def _log_dir(given: str | None) -> Path:
    from pathlib import Path

    from hourhand.settings import load_settings

    if given is not None:
        return Path(given)
    settings = load_settings()
    return settings.log_dir or settings.data_dir / "logs"  # the latter is what `hourhand up` uses


def _write(lines: Iterable[LogLine], as_json: bool) -> None:
    for line in lines:
        click.echo(_object(line) if as_json else harmless(f"{line.source}  {line.text}"))


def _object(line: LogLine) -> str:
    """What the service wrote as JSON, else the line as its text."""
    import json

    where = {"service": line.service, "source": line.source}
    try:
        found = json.loads(line.text)
    except ValueError:
        found = None
    known = found if isinstance(found, dict) else {"line": line.text}
    return json.dumps({**where, **known}, ensure_ascii=False)
