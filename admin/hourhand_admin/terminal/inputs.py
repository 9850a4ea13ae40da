"""Values typed on the command line: times, durations, JSON.

Imports nothing heavy: every command module loads this one, also for `hourhand --help`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import click

from hourhand.durations import EXAMPLES as DURATIONS
from hourhand.durations import parse_duration

_CENTURY = timedelta(days=36_525)
_TIME_EXAMPLES = "2026-12-24T18:00, 2026-12-24T18:00Z, now, +10m or -2h"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, or a distance from now. Now is the database's: only its clock counts.

    `clock` alone is a time of day, whose date only the command knows.
    """

    at: datetime | None = None
    offset: timedelta | None = None
    clock: time | None = None

    @property
    def is_far(self) -> bool:
        """So far away that it may have no date in another zone, or here."""
        if self.offset is not None:
            return abs(self.offset) > _CENTURY
        return self.at is not None and not 1900 <= self.at.year < 9999

    def resolve(self, now: Callable[[], datetime]) -> datetime:
        return self.at if self.at is not None else now() + (self.offset or timedelta())


def resolved(moment: Moment | None, now: Callable[[], datetime]) -> datetime | None:
    """The instant meant; `now` asks the database, only where it matters."""
    return None if moment is None else moment.resolve(now)


class MomentType(click.ParamType[Moment]):
    """An ISO time (without a zone: this computer's) or a distance such as `+10m`, `-2h`.

    A bare duration goes the way the option looks: `--since 2h` is two hours ago, `--run-at 2h` in two hours.
    With `wall` a time without a zone stays without one: it is local time somewhere else.
    """

    name = "time"

    def __init__(self, *, bare: int = 1, wall: bool = False) -> None:
        self.bare = bare
        self.wall = wall

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        text = str(value).strip()
        try:
            found = _relative(text, self.bare) or Moment(at=self._located(datetime.fromisoformat(text)))
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a time: write {_TIME_EXAMPLES}.", param, ctx)
        if found.is_far:
            self.fail(f"{text!r} is too far away: write {_TIME_EXAMPLES}.", param, ctx)
        return found

    def _located(self, at: datetime) -> datetime:
        return at if self.wall else at.astimezone()


class ClockType(MomentType):
    """The same, without a zone local time somewhere else; or a time of day alone, such as `16:05`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        try:
            return Moment(clock=time.fromisoformat(value if ":" in value else ""))
        except (TypeError, ValueError):
            return super().convert(value, param, ctx)


def _relative(text: str, bare: int) -> Moment | None:
    if text.lower() == "now":
        return Moment(offset=timedelta())
    if text[:1] in {"+", "-"}:
        return Moment(offset=parse_duration(text[1:]) * (-1 if text[0] == "-" else 1))
    try:
        return Moment(offset=parse_duration(text) * bare)
    except ValueError:
        return None


class DurationType(click.ParamType[timedelta]):
    """A duration such as `90`, `15m`, `1h30m`, `2d`; a number alone means seconds.

    With `some` it is longer than nothing, and no longer than the database takes.
    """

    name = "duration"

    def __init__(self, *, some: bool = False) -> None:
        self.some = some

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            found = parse_duration(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if self.some and not timedelta() < found <= _CENTURY:
            self.fail(f"{value} is too {'long' if found else 'short'}: write {DURATIONS}.", param, ctx)
        return found


class NameType(click.ParamType[str]):
    """A name that the database takes."""

    name = "text"

    def __init__(self, longest: int, *, without: str = "") -> None:
        self.longest = longest
        self.without = without

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not 0 < len(text) <= self.longest:
            self.fail(f"a name has 1 to {self.longest} characters.", param, ctx)
        if found := next((char for char in text if not char.isprintable() or char in self.without), None):
            self.fail(f"a name has no {found!r} in it.", param, ctx)
        return text


class JsonType(click.ParamType[Any]):
    """JSON, or `-` to read it from standard input, or `@FILE`."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        import json

        if not isinstance(value, str):
            return value
        try:
            return json.loads(_read(value), parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            self.fail(
                f"not JSON at {where}: {error.msg}. Try '{{\"limit\": 50}}', in single quotes.", param, ctx
            )
        except (OSError, ValueError, RecursionError) as error:
            self.fail(f"cannot be read: {error}.", param, ctx)


def _read(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if text.startswith("@"):
        with open(text[1:], encoding="utf-8") as file:
            return file.read()
    return text


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class RunIdType(click.IntRange):
    name = "run id"


DURATION = DurationType()
SOME_TIME = DurationType(some=True)
NAME = NameType(100)
JSON = JsonType()
AHEAD = MomentType(bare=1)
BACK = MomentType(bare=-1)
WALL = MomentType(wall=True)
RUN_ID = RunIdType(min=1, max=2**63 - 1)
WALL_BACK = MomentType(bare=-1, wall=True)
CLOCK = ClockType(bare=-1, wall=True)
