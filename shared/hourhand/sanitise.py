"""Make any value fit for jsonb and text columns: what a task returns or logs must not make a write fail.

`sanitise` never raises. What JSON has no form for becomes text one can read; what is too deep or too large is
cut, and a `…` says so. Times become ISO strings and durations seconds, as everywhere in hourhand's JSON.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64

_as_json = json.JSONEncoder(ensure_ascii=False).encode

_CUT = "…"
_SLACK = 256  # for the last value and its mark, which may overshoot
_CONTAINER = 24  # brackets and a mark, taken when a container opens and given back where there is no mark
# Postgres writes numbers without an exponent, and many readers give up beyond the range of a double.
_MOST_BITS = 1023
_LEAST_FLOAT, _MOST_FLOAT = 1e-290, 1e308
_MOST_DIGITS = 310


def sanitise(value: object, max_bytes: int = MAX_BYTES) -> Json:
    """The value as None, bool, int, float, str, list and dict[str, …], at most about `max_bytes` as JSON."""
    if value is None or value is True or value is False:
        return value
    return _Sanitiser(max_bytes).value(value, 1)


def sanitise_text(text: str, max_bytes: int = MAX_BYTES) -> str:
    """The text without NUL and lone surrogates, at most `max_bytes` in UTF-8."""
    text = _storable(text)
    encoded = text.encode()
    return text if len(encoded) <= max_bytes else _cut(encoded, max_bytes)


def _storable(text: str) -> str:
    text = str.__str__(text).replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # By way of UTF-16, two surrogates that belong together become their character.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _cut(encoded: bytes, max_bytes: int) -> str:
    mark = f"{_CUT} (cut, {len(encoded)} bytes)"
    room = max(max_bytes - len(mark.encode()), 0)
    return encoded[:room].decode("utf-8", "ignore") + mark


class _Sanitiser:
    """One walk over one value, with what is left of its bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max(max_bytes - _SLACK, 0)

    def value(self, value: object, depth: int) -> Json:
        try:
            return self._known(value, depth)
        except Exception:  # noqa: BLE001  (a value may raise whatever it likes from its own methods)
            return self._text(f"<{type(value).__name__} that cannot be shown>")

    def _known(self, value: Any, depth: int) -> Json:
        match value:
            case None | bool():
                return self._spend(value, 6)
            case Enum():
                return self.value(value.value, depth)
            case str():
                return self._text(value)
            case int():
                return self._integer(int.__index__(value))
            case float():
                return self._float(float.__float__(value))
            case Mapping():
                return self._object(value.items(), depth)
            case bytes() | bytearray() | memoryview():
                return self._text(_readable(bytes(value)))
            case Set():
                return self._array(_ordered(value), depth)
            case Sequence():
                return self._array(value, depth)
            case datetime() | date() | time():
                return self._text(value.isoformat())
            case timedelta():
                return self._float(value.total_seconds())
            case BaseException():
                return self._text(f"{type(value).__name__}: {value}")
        return self._foreign(value, depth)

    def _foreign(self, value: Any, depth: int) -> Json:
        if not isinstance(value, type):
            if hasattr(value, "model_dump"):  # pydantic
                return self.value(value.model_dump(), depth)
            if is_dataclass(value):
                return self._object(((f.name, getattr(value, f.name)) for f in fields(value)), depth)
            if hasattr(value, "tolist"):  # numpy
                return self.value(value.tolist(), depth)
        return self._text(str(value))

    def _integer(self, value: int) -> Json:
        if value.bit_length() > _MOST_BITS:
            return self._text(hex(value))
        return self._spend(value, len(str(value)) + 2)

    def _float(self, value: float) -> Json:
        if not math.isfinite(value):
            return self._text("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")
        if value and not _LEAST_FLOAT <= abs(value) < _MOST_FLOAT:
            return self._text(repr(value))
        text = repr(value)
        return self._spend(value, _MOST_DIGITS if "e" in text else len(text) + 2)

    def _text(self, text: str) -> str:
        whole = text = _storable(text)
        if _json_size(text) > self._left:
            text = _cut(whole.encode(), self._left - 4)
        if _json_size(text) > self._left:  # many characters that JSON writes as six
            text = _cut(whole.encode(), self._left // 6)
        self._left -= _json_size(text)
        return text

    def _spend(self, value: Json, size: int) -> Json:
        self._left -= size
        return value if self._left >= 0 else _CUT

    def _array(self, values: Iterable[object], depth: int) -> Json:
        if depth > MAX_DEPTH:
            return self._spend(_CUT, 7)
        result: list[Json] = []
        self._left -= _CONTAINER
        for value in values:
            if self._left <= 0:
                result.append(_CUT)
                return result
            result.append(self.value(value, depth + 1))
        self._left += _CONTAINER - 4
        return result

    def _object(self, items: Iterable[tuple[object, object]], depth: int) -> Json:
        if depth > MAX_DEPTH:
            return self._spend(_CUT, 7)
        result: dict[str, Json] = {}
        self._left -= _CONTAINER
        for key, value in items:
            if self._left <= 0:
                result[_CUT] = _CUT
                return result
            name = self._text(_key(key))
            result[name] = self.value(value, depth + 1)
        self._left += _CONTAINER - 4
        return result


def _json_size(text: str) -> int:
    """With the two characters that part it from the next."""
    return len(_as_json(text).encode()) + 2


def _key(key: object) -> str:
    match key:
        case str():
            return key
        case None | bool():
            return json.dumps(key)
        case Enum():
            return _key(key.value)
    return str(key)


def _readable(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode()


def _ordered(values: Set[Any]) -> Iterable[object]:
    try:
        return sorted(values)
    except TypeError:
        return values
