"""The command `hourhand`, and what its subcommands share.

Subcommands are found through the entry-point group `hourhand.commands`; each entry point is an iterable of
click commands. `hourhand --help` imports them all, so a command imports what is heavy (settings, transports,
pydantic) only when it runs. This module keeps to that rule too.

A command may return its exit code. A HourhandError becomes its message and hint on stderr and its exit code.
"""

from __future__ import annotations

import hourhand.interrupt  # noqa: F401

# isort: split
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO, TypeVar
from unicodedata import combining, east_asian_width

import click

from hourhand.errors import HourhandError
from hourhand.harmless import harmless

if TYPE_CHECKING:
    from hourhand.settings import Settings
    from hourhand.transport import Transport

_GROUP = "hourhand.commands"
_INTERRUPTED = 130

F = TypeVar("F", bound=Callable[..., object])


# --- Finding the commands ---


def _entry_points() -> dict[str, str]:
    """Name → `module:attribute`.

    Reads the one file that says so: importlib.metadata alone would double the cost of `hourhand --help`.
    """
    for directory in sys.path:
        for name in _listed(directory):
            if name.startswith("hourhand-") and name.endswith(".dist-info"):
                return _section(os.path.join(directory, name, "entry_points.txt"))
    return _entry_points_elsewhere()


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory or ".")
    except OSError:
        return []


def _section(path: str) -> dict[str, str]:
    found, inside = {}, False
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("["):
                inside = line == f"[{_GROUP}]"
            elif inside and "=" in line:
                name, _, target = line.partition("=")
                found[name.strip()] = target.strip()
    return found


def _entry_points_elsewhere() -> dict[str, str]:
    """The standard way, for a program that was zipped or frozen."""
    metadata = import_module("importlib.metadata")
    return {point.name: point.value for point in metadata.entry_points(group=_GROUP)}


class Commands(click.Group):
    """A group that fills itself from the entry points, and turns errors into messages and exit codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[str, str] | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load_all()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # A daemon's entry point has its command's name: starting it does not import the others.
        self._load(cmd_name)
        if cmd_name not in self.commands:
            self._load_all()
        return super().get_command(ctx, cmd_name)

    def _entries(self) -> dict[str, str]:
        if self._waiting is None:
            self._waiting = _entry_points()
        return self._waiting

    def _load_all(self) -> None:
        for entry in list(self._entries()):
            self._load(entry)

    def _load(self, entry: str) -> None:
        target = self._entries().pop(entry, None)
        if target is None:
            return
        try:
            found = _resolve(target)
        except Exception as error:  # noqa: BLE001  (one broken part must not take the other commands along)
            click.echo(f"Warning: the commands of {target} cannot be loaded: {_one_line(error)}", err=True)
            return
        for command in found:
            self.commands.setdefault(command.name or "", command)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # what the terminal cannot show
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            code = _INTERRUPTED
        except HourhandError as error:
            code = _tell(error)
        except Exception as error:
            if _debugging():
                raise
            code = _tell(_in_words(error))
        if isinstance(code, int) and not isinstance(code, bool):
            ctx.exit(code)
        return code


def _resolve(target: str) -> Iterable[click.Command]:
    module, _, attribute = target.partition(":")
    found: Iterable[click.Command] = getattr(import_module(module), attribute)
    return found


# --- Errors ---


def _tell(error: HourhandError) -> int:
    click.echo(harmless(f"Error: {error}"), err=True)
    if error.hint:
        click.echo(harmless(error.hint), err=True)
    return error.exit_code


def _in_words(error: Exception) -> HourhandError:
    if isinstance(error, OSError) and error.filename is not None:
        return HourhandError(
            f"cannot use {error.filename}: {error.strerror}", "Choose another place, or make this one usable."
        )
    return HourhandError(_one_line(error), "HOURHAND_DEBUG=1 shows where this happened.")


def _one_line(error: Exception) -> str:
    from hourhand.redact import redact

    text = " ".join(str(error).split())
    return redact(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _debugging() -> bool:
    from hourhand.settings import load_settings

    try:
        settings = load_settings()
    except HourhandError:
        return False
    return settings.debug or settings.log_level in ("TRACE", "DEBUG")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hourhand", prog_name="hourhand")
def main() -> None:
    """Scheduled jobs for Python on Postgres or Supabase.

    Start everything on this machine with `hourhand up`.
    """


# --- What commands share ---


def json_option(function: F) -> F:
    """Add `--json`, given to the command as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")(function)


def echo_json(value: object) -> None:
    """Write one JSON document on stdout; datetimes in ISO format, whatever else is unknown as its text."""
    import json

    text = json.dumps(value, indent=2, default=_as_json, ensure_ascii=not _writes_utf8(sys.stdout))
    click.echo(text.encode("utf-8", "backslashreplace").decode())  # a lone surrogate: \udc80, which is JSON


def _as_json(value: Any) -> object:
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if callable(isoformat) else str(value)


def _writes_utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def table(rows: Iterable[Sequence[object]], columns: Sequence[str], *, width: int | None = None) -> str:
    """Rows under their headings in aligned columns; numbers to the right, None as `-`.

    Where it is wider than `width` (by default the terminal; without one nothing is cut) the widest columns
    are shortened.
    """
    body = [list(row) for row in rows]
    cells = [list(columns), *([_cell(value) for value in row] for row in body)]
    widths = [max(map(_extent, column)) for column in zip(*cells, strict=True)]
    widths = _fitted(widths, (width or _terminal_width()) - 2 * (len(widths) - 1))
    right = [_is_numeric(column) for column in zip(*body, strict=True)] or [False] * len(columns)
    return "\n".join(_line(row, widths, right) for row in cells)


def _cell(value: object) -> str:
    """On one line: a run's error must not drive the terminal."""
    return "-" if value is None else harmless(" ".join(str(value).split()))


def _extent(text: str) -> int:
    """How many columns of the terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _is_numeric(column: Sequence[object]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in column)


def _terminal_width() -> int:
    shown = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if shown else sys.maxsize


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """The widths, with the widest cut until all fit; none below eight."""
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > 8:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return "  ".join(map(_padded, row, widths, right)).rstrip()


def _padded(text: str, width: int, right: bool) -> str:
    text = _shortened(text, width)
    padding = " " * (width - _extent(text))
    return padding + text if right else text + padding


def _shortened(text: str, width: int) -> str:
    if _extent(text) <= width:
        return text
    while _extent(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


@contextmanager
def connected(
    application_name: str = "hourhand-cli", settings: Settings | None = None, *, patience: float = 30.0
) -> Iterator[Transport]:
    """A transport to the configured database, closed at the end.

    `patience` is for how many seconds a call repeats what failed for a passing reason. Without a configured
    database it joins the embedded one that runs in the data directory; exit 69 when none does.
    """
    from hourhand.settings import load_settings
    from hourhand.transport import connect

    settings = settings or load_settings()
    transport = connect(settings, application_name=application_name, patience=patience)
    try:
        yield transport
    finally:
        transport.close()
