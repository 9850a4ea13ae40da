"""One line of the log, and its two forms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from hourhand.redact import HIDDEN, may_hold_secrets, names_a_secret, redact
from hourhand.sanitise import sanitise, sanitise_text

_MAX_BYTES = 16 * 1024

_LARGE = 2**63
_RUN_OR_ATTEMPT = re.compile(r"\b(?:run|attempt) \d+")
_FOR_PEOPLE = ("run_id", "attempt", "error", "error_class", "hint", "traceback")
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
    message, fields = _cleaned(line)
    fixed = {
        "ts": _instant(line.at, "microseconds"),
        "level": line.level,
        "service": line.service,
        "event": line.event,
        "message": message,
    }
    return f"{_encode({**fixed, **fields, **fixed})}\n"


def as_text(line: Line) -> str:
    """`ts LEVEL [Service] message`, then the traceback, indented, so that it forges no line.

    An event without a message shows its name and all its fields.
    """
    if line.message:
        line.fields = {name: line.fields[name] for name in _FOR_PEOPLE if name in line.fields}
    message, fields = _cleaned(line)
    trace = fields.pop("traceback", None)
    label = _LABELS.get(line.service, line.service)
    text = _for_people(message, **fields) if message else f"{line.event} {_encode(fields)}"
    head = f"{_instant(line.at, 'milliseconds')} {line.level:<7} [{label}] {_printable(text)}\n"
    return f"{head}  {_printable(str(trace))}\n" if trace else head


def _for_people(
    text: str,
    run_id: object = None,
    attempt: object = None,
    error: object = None,
    error_class: object = None,
    hint: object = None,
) -> str:
    """The text, and what it does not say itself."""
    about = [f"run {run_id}"] if run_id is not None else []
    about += [f"attempt {attempt}"] if isinstance(attempt, int) and attempt > 1 else []
    if about:
        said = _RUN_OR_ATTEMPT.findall(text)
        unsaid = ", ".join(words for words in about if words not in said)
        text += f" ({unsaid})" if unsaid else ""
    if error is not None and str(error) not in text:
        text += f": {error_class}: {error}" if error_class else f": {error}"
    return f"{text.rstrip('.')}. {hint}" if hint else text


def _instant(at: datetime, precision: str) -> str:
    return f"{at.astimezone(UTC).isoformat(timespec=precision)[:-6]}Z"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    kept = (char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)
    return "".join(kept).replace("\n", "\n  ")


# --- Fields without secrets, as plain JSON ---


def _cleaned(line: Line) -> tuple[str, dict[str, object]]:
    """The message and the fields, without None."""
    fields = {name: value for name, value in line.fields.items() if value is not None}
    if _is_clean(line.message, fields):
        return line.message, fields
    return _text(line.message), {name: _value(name, value) for name, value in fields.items()}


def _is_clean(message: str, fields: Mapping[str, object]) -> bool:
    """Whether all can be written as it is: for most lines one cheap look instead of the work below."""
    texts = [message]
    for name, value in fields.items():
        kind = type(value)
        if kind is str:
            texts.append(value)  # type: ignore[arg-type]
        elif not (kind is int or kind is bool or kind is float) or not -_LARGE < value < _LARGE:  # type: ignore[operator]
            return False
        if _hides(name):
            return False
    text = "\n".join(texts)
    return len(text) < _MAX_BYTES // 4 and "\0" not in text and not may_hold_secrets(text)


def _value(name: str, value: object) -> object:
    return HIDDEN if _hides(name) else _without_secrets(sanitise(value, _MAX_BYTES))


def _text(text: object) -> str:
    return redact(sanitise_text(str(text), _MAX_BYTES))


def _without_secrets(value: object) -> object:
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
