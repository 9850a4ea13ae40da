"""Checks a payload against a task's stored JSON schema, where the task itself is not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 5


def problems(schema: Mapping[str, Any], payload: Any) -> list[str]:
    """What is wrong and where, as `limit: 'many' is not of type 'integer'`; at most five."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    errors = sorted(
        Draft202012Validator(schema).iter_errors(payload), key=lambda error: list(map(str, error.path))
    )
    return [f"{'.'.join(map(str, error.path)) or 'payload'}: {error.message}" for error in errors[:_MOST]]
