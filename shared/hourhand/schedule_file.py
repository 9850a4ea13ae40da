"""Schedules as code: a YAML file with a list `schedules`, each with the fields of `client.schedules.create`.

    schedules:
      - name: news
        task: ingest-rss
        every: 15m
        payload: { limit: 50 }

What is left out has its default. Only `is_active`, `paused_until` and `pause_note` are left as they are where
the file does not name them: a pause by hand outlives the next application.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from yaml import Node

from hourhand import lined_yaml
from hourhand.errors import BadScheduleFile, HourhandError
from hourhand.lined_yaml import BadYaml
from hourhand.payloads import payload_of
from hourhand.schedule_rows import FIELDS
from hourhand.schedules import ScheduleFields, columns
from hourhand.timetable import validate

_NAME = re.compile(r"(?! )[^\x00-\x1f\x7f]{1,200}(?<! )")
_MAY_BE_TRUE = {"name", "task", "is_active", "payload"}
_HINT = "Nothing was changed. `hourhand schedule apply FILE --dry-run` checks a file."


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule of a file: its columns in plain JSON, as far as they are given, and where it begins."""

    name: str
    row: Mapping[str, Any]
    line: int


def read(path: Path, default_timezone: str) -> list[Entry]:
    """The schedules of a file. Raises BadScheduleFile, with everything that is wrong and its lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadScheduleFile(
            f"{path} cannot be read: {error}", "It has to be a text file in UTF-8."
        ) from None
    reader = _Reader(default_timezone)
    entries = reader.read(text)
    if reader.problems:
        raise BadScheduleFile("\n".join(f"{path}{problem}" for problem in reader.problems), _HINT)
    return entries


class _Reader:
    """Goes on after a problem, so that all are told at once."""

    def __init__(self, default_timezone: str) -> None:
        self._default_timezone = default_timezone
        self._lines: dict[str, int] = {}
        self.problems: list[str] = []

    def read(self, text: str) -> list[Entry]:
        try:
            top = lined_yaml.fields(lined_yaml.load(text), "the file")
            nodes = lined_yaml.items(top.get("schedules"), "`schedules`")
        except BadYaml as problem:
            self._refuse(problem.line, str(problem))
            return []
        return [entry for node in nodes if (entry := self._entry(node))]

    def _refuse(self, line: int | None, problem: str, name: str | None = None) -> None:
        where = "" if line is None else f":{line}"
        self.problems.append(f"{where}: {f'{name}: ' if name else ''}{problem}")

    def _entry(self, node: Node) -> Entry | None:
        line = node.start_mark.line + 1
        try:
            fields = lined_yaml.fields(node, "a schedule")
            given = {field: lined_yaml.value(each) for field, each in fields.items()}
        except BadYaml as problem:
            self._refuse(problem.line or line, str(problem))
            return None
        lines = {field: each.start_mark.line + 1 for field, each in fields.items()}
        name = given.get("name")
        found = list(self._problems(name, given))
        for field, said in found:
            self._refuse(lines.get(field, line), said, name if isinstance(name, str) else None)
        return None if found else self._checked(str(name), given, lines, line)

    def _problems(self, name: object, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Fields, and what is wrong with each."""
        for field in ("name", "task"):
            if (problem := _problem(given.get(field))) is not None:
                yield field, f"{field} {problem}"
        for field, value in given.items():
            if isinstance(value, bool) and field in FIELDS and field not in _MAY_BE_TRUE:
                yield field, f"{field} is neither true nor false"
        for field in given.keys() - set(FIELDS):
            near = get_close_matches(field, FIELDS, 1)
            yield field, f"there is no field {field}" + (f": did you mean {near[0]}?" if near else "")
        if isinstance(name, str) and name in self._lines:
            yield "name", f"the name is taken by the schedule of line {self._lines[name]}"

    def _checked(self, name: str, given: dict[str, Any], lines: Mapping[str, int], line: int) -> Entry | None:
        self._lines[name] = line
        field = "name"
        try:
            fields = _typed(given)
            for field, value in fields.items():
                columns(cast(ScheduleFields, {field: value}))  # alone, to know which one is wrong
            field = "payload"
            payload_of(given["task"], fields.get("payload"))
            _refuse_unwritable(fields.get("payload"))
            row = {"name": name, "task": given["task"], **columns(fields)}
            validate(row, self._default_timezone)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                field = str(detail["loc"][0])
                self._refuse(lines.get(field, line), f"{field}: {detail['msg']}", name)
            return None
        except (HourhandError, ValueError) as error:
            field = getattr(error, "field", field)
            hint = f" ({error.hint})" if isinstance(error, HourhandError) and error.hint else ""
            self._refuse(lines.get(field, line), f"{error}{hint}", name)
            return None
        return Entry(name, row, line)


def _problem(name: object) -> str | None:
    """What is wrong with the name of a schedule or a task."""
    if name is None:
        return "is missing"
    if not isinstance(name, str):
        return f"is no text but {name}: put it in quotes"
    if not _NAME.fullmatch(name):
        return "is no text of 1 to 200 characters, without line breaks and without blanks at its ends"
    return None


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[ScheduleFields]:
    return TypeAdapter(ScheduleFields)


def _typed(given: Mapping[str, Any]) -> ScheduleFields:
    """Raises ValidationError."""
    fields = {field: value for field, value in given.items() if field not in ("name", "task")}
    if isinstance(fields.get("exclude"), list):
        fields["exclude"] = [
            each.isoformat() if isinstance(each, date) else each for each in fields["exclude"]
        ]
    return _adapter().validate_python(fields)


def _refuse_unwritable(payload: object) -> None:
    """Raises ValueError for what JSON cannot carry."""
    try:
        json.dumps(payload, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"payload: {error}; JSON has no dates, bytes or sets: write a text, in quotes"
        ) from None
