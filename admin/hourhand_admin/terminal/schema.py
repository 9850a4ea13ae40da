"""Checks a payload against a task's stored JSON schema, where the task itself is not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 5
_LONGEST = 200


def problems(schema: Mapping[str, Any], payload: Any) -> list[str]:
    """What is wrong and where, as `limit: 'many' is not of type 'integer'`; at most five."""
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(schema).iter_errors(payload), key=lambda error: error.json_path)
    return [f"{_place(error.path)}: {error.message[:_LONGEST]}" for error in errors[:_MOST]]


def _place(path: Any) -> str:
    return ".".join(map(str, path)) or "payload"
