"""Checks a payload against a task's stored JSON schema, where the task itself is not at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError

_MOST = 5
_LONGEST = 200


def problems(schema: Any, payload: Any) -> list[str]:
    """What is wrong and where, as `limit: 'many' is not of type 'integer'`; at most five."""
    return [f"{_place(error.path)}: {error.message[:_LONGEST]}" for error in refused(schema, payload)[:_MOST]]


def refused(schema: Any, payload: Any) -> list[ValidationError]:
    """What a schema refuses. One that is none refuses nothing: the worker has the last word."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    if not is_one(schema):
        return []
    # With a registry of its own nothing is fetched from the addresses that a schema may name.
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        return sorted(validator.iter_errors(payload), key=lambda error: error.json_path)
    except (Unresolvable, RecursionError):
        return []


def before_items(schema: Any) -> Any:
    """What the payload of a fleet has to fit: that of each item adds to it, so nothing is missing yet."""
    return {**schema, "required": []} if isinstance(schema, dict) else schema


def is_one(schema: Any) -> bool:
    from jsonschema import Draft202012Validator

    try:
        return bool(Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(schema))
    except RecursionError:
        return False


def _place(path: Any) -> str:
    return ".".join(map(str, path)) or "payload"
