"""A payload as fields of a form, made from the JSON schema of its task; what is nested is written as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hourhand_admin.terminal.schema import is_one, refused

Schema = Mapping[str, Any]
Kind = Literal["text", "number", "choice", "json"]

PREFIX = "payload."
WHOLE = "payload"
_MOST_FIELDS = 60
_MOST_ERRORS = 20
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the payload. `default` is what an empty field means, as a text."""

    key: str
    label: str
    kind: Kind
    schema: Schema
    required: bool
    default: str
    help: str

    @property
    def name(self) -> str:
        return PREFIX + self.key

    @property
    def options(self) -> list[tuple[str, str]]:
        empty = "Choose…" if self.required else f"Default ({self.default or 'none'})"
        values = self.schema.get("enum") or (
            [True, False] if self.schema.get("type") == "boolean" else [self.schema.get("const")]
        )
        return [("", empty), *((text(value), text(value)) for value in values if value is not None)]


def fields(schema: Schema | None) -> list[Field]:
    """None where the schema is not that of an object with known keys, or is no schema."""
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) and is_one(schema) else {}
    if schema is None or not 0 < len(properties) <= _MOST_FIELDS:
        return []
    required = set(schema.get("required", ()))
    found = [_field(schema, str(key), each, key in required) for key, each in properties.items()]
    # The database does not keep their order.
    return sorted(found, key=lambda field: (not field.required, field.kind == "json"))


def fits(found: list[Field], payload: Any) -> bool:
    """Whether these fields can show all of a payload."""
    return bool(found) and isinstance(payload, Mapping) and payload.keys() <= {field.key for field in found}


def texts(found: list[Field], payload: Mapping[str, Any]) -> dict[str, str]:
    return {field.name: text(payload[field.key]) if field.key in payload else "" for field in found}


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def read(found: list[Field], given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The payload without what was left empty, and what cannot be read, by its field's name."""
    payload: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in found:
        if not (written := given.get(field.name, "")):
            continue
        try:
            payload[field.key] = _value(field, written)
        except ValueError as error:
            errors[field.name] = str(error)
    return payload, errors


def read_whole(written: str) -> Any:
    """Raises ValueError."""
    try:
        value = json.loads(written or "{}", parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    if not isinstance(value, dict | list):
        raise ValueError('a payload is an object or a list: name the value, {"value": …}')  # noqa: TRY004  (told like any other)
    return value


def problems(schema: Schema | None, payload: Any, by_field: bool) -> dict[str, str]:
    """What the schema refuses, by the name of the field where it is to be shown."""
    found: dict[str, str] = {}
    for error in refused(schema, payload) if schema else ():
        for key, told in _told(error):
            found.setdefault(PREFIX + key if by_field and key else WHOLE, told)
        if len(found) >= _MOST_ERRORS:
            break
    return found


def _told(error: Any) -> Iterator[tuple[str, str]]:
    path = [str(part) for part in error.path]
    if error.validator == "required" and not path:
        for key in error.validator_value:
            if key not in error.instance:
                yield key, "this is needed"
        return
    # Of several schemas one is usually null, which nobody meant.
    deepest = next((each for each in error.context or () if each.validator_value != "null"), error)
    inner = ".".join(path[1:])
    yield path[0] if path else "", (f"{inner}: " if inner else "") + deepest.message[:_LONGEST]


# --- Schemas ---


def _field(root: Schema, key: str, raw: Any, required: bool) -> Field:
    schema = _resolved(root, raw)
    kind = _kind(schema)
    default = text(schema["default"]) if schema.get("default") is not None else ""
    shown = "" if kind == "choice" else default  # a choice names it among its options
    return Field(key, str(schema.get("title") or key), kind, schema, required, default, _help(schema, shown))


def _resolved(root: Schema, raw: Any) -> Schema:
    """Without references, and without the null of what may be left out."""
    schema = dict(raw) if isinstance(raw, Mapping) else {}
    for _ in range(10):
        reference = schema.get("$ref")
        others = [
            each
            for each in schema.get("anyOf", ())
            if isinstance(each, Mapping) and each.get("type") != "null"
        ]
        if isinstance(reference, str) and reference.startswith("#/$defs/"):
            target = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
        elif len(others) == 1:
            target = others[0]
        else:
            break
        schema = {**target, **{name: each for name, each in schema.items() if name not in ("$ref", "anyOf")}}
    return schema


def _kind(schema: Schema) -> Kind:
    kind = schema.get("type")
    if kind == "boolean" or "const" in schema or (schema.get("enum") and len(schema["enum"]) <= 200):
        return "choice"
    if kind in ("integer", "number"):
        return "number"
    return "text" if kind == "string" else "json"


def _help(schema: Schema, default: str) -> str:
    bounds = [
        f"{word} {schema[name]}"
        for name, word in (
            ("minimum", "at least"), ("maximum", "at most"), ("exclusiveMinimum", "more than"),
            ("exclusiveMaximum", "less than"), ("format", "a"),
        )
        if name in schema
    ]  # fmt: skip
    parts = [str(schema.get("description") or "").strip().rstrip("."), ", ".join(bounds)]
    parts += [f"default {default[:60]}"] if default else []
    return ". ".join(part[:1].upper() + part[1:] for part in parts if part)


def _value(field: Field, written: str) -> Any:
    if field.kind == "text":
        return written
    if field.kind == "choice" and field.schema.get("type") == "string":
        return written
    try:
        value = json.loads(written, parse_constant=_refuse)
    except (ValueError, RecursionError):
        if field.kind == "choice":
            return written
        raise ValueError("a number is wanted" if field.kind == "number" else "this is not JSON") from None
    if field.kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError("a number is wanted")
    return value


def _refuse(name: str) -> object:
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)
