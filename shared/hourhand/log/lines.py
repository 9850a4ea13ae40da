"""One line of the log, and its two forms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

from hourhand.harmless import harmless
from hourhand.redact import HIDDEN, may_hold_secrets, names_a_secret, redact
from hourhand.sanitise import sanitise, sanitise_text

_MAX_BYTES = 16 * 1024
_LARGE = 2**63
_NUMBERS = {int, float, bool}
_ABOUT = {"run_id": "run", "attempt": "attempt"}
_RUN_OR_ATTEMPT = re.compile(r"\b(?:run|attempt) \d+")
_FOR_PEOPLE = {*_ABOUT, "error", "error_class", "hint", "traceback"}
_LABELS = {"scheduler": "Scheduler", "worker": "Worker", "admin": "Admin"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Line:
    at: datetime
    level: str
    service: str
    event: str
    message: str
    fields: Mapping[str, object]


Form = Callable[[Line], str]


def as_json(line: Line) -> str:
    """One object; the five fixed names cannot be overridden by fields."""
    message, fields = _cleaned(line.message, line.fields)
    fixed = {
        "ts": _instant(line.at, "microseconds"),
        "level": line.level,
        "service": line.service,
        "event": line.event,
        "message": message,
    }
    return f"{_as_object({**fixed, **fields, **fixed})}\n"


def _as_object(values: dict[str, object]) -> str:
    try:
        return to_json(values).decode()  # ten times as fast
    except ValueError:
        return _encode(values)  # takes lone surrogates, too


def as_text(line: Line) -> str:
    """`ts LEVEL [Service] message`, then the traceback, indented, so that it forges no line.

    With a message, only what people need of the fields; without one, the event's name and all of them.
    """
    shown = _FOR_PEOPLE & line.fields.keys() if line.message else line.fields
    message, fields = _cleaned(line.message, {name: line.fields[name] for name in shown})
    trace = fields.pop("traceback", None)
    text = _sentence(message, fields) if message else f"{line.event} {_encode(fields)}"
    label = _LABELS.get(line.service, line.service)
    head = f"{_instant(line.at, 'milliseconds')} {printable(line.level):<7} [{label}] {printable(text)}\n"
    return f"{head}  {printable(str(trace))}\n" if trace else head


def _sentence(text: str, fields: Mapping[str, object]) -> str:
    """The text, and of the fields what it does not say itself."""
    about = [f"{name} {fields[key]}" for key, name in _ABOUT.items() if key in fields]
    said = ["attempt 1", *_RUN_OR_ATTEMPT.findall(text)] if about else []
    unsaid = [words for words in about if words not in said]
    error, hint = fields.get("error"), fields.get("hint")
    if unsaid:
        text += f" ({', '.join(unsaid)})"
    if error is not None and str(error) not in text:
        text += f": {fields['error_class']}: {error}" if fields.get("error_class") else f": {error}"
    return f"{text.rstrip('.')}. {hint}" if hint else text


@lru_cache(maxsize=8)  # many lines are written at one moment
def _instant(at: datetime, precision: str) -> str:
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.isoformat(timespec=precision)[:-6]}Z"


def printable(text: str) -> str:
    """Without control characters; lines after the first are set in, so that nobody can forge one of a log."""
    return harmless(text).replace("\n", "\n  ")


# --- Fields without secrets, as plain JSON ---


def _cleaned(message: str, fields: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Without None."""
    fields = {name: value for name, value in fields.items() if value is not None}
    if _is_clean(message, fields):
        return message, fields
    return redact(sanitise_text(message, _MAX_BYTES)), _without_secrets(sanitise(fields, _MAX_BYTES))


def _is_clean(message: str, fields: Mapping[str, Any]) -> bool:
    """Whether all can be written as it is: for most lines one cheap look instead of the work below."""
    texts = [message]
    for name, value in fields.items():
        if type(value) is str:
            texts.append(value)
        elif type(value) not in _NUMBERS or not -_LARGE < value < _LARGE:
            return False
        if type(name) is not str or _hides(name):
            return False
    text = "\n".join(texts)
    return len(text) < _MAX_BYTES // 4 and "\0" not in text and not may_hold_secrets(text)


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case list():
            return [_without_secrets(item) for item in value]
        case dict():
            return {key: HIDDEN if _hides(key) else _without_secrets(item) for key, item in value.items()}
    return value


@lru_cache(maxsize=1000)
def _hides(name: str) -> bool:
    return names_a_secret(name)
