"""What a schedule was: each change with what it changed, from the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hourhand.errors import NotFound
from hourhand.schedule_rows import BY_HAND, FIELDS, canonical, told
from hourhand_admin.web.scheduling.payload import pretty, text

if TYPE_CHECKING:
    from hourhand_admin.web.visit import Visit

Row = Mapping[str, Any]


def find(visit: Visit, schedule_id: int, version: int) -> dict[str, Any]:
    """The row as it was after this change. Raises NotFound."""
    answer = visit.call("list_versions", p_schedule=f"id:{schedule_id}", p_limit=1, p_before=version + 1)
    found = next((each for each in answer["versions"] if each["id"] == version), None)
    if found is None:
        raise NotFound(f"there is no version {version} of this schedule")
    row: dict[str, Any] = found["after"]
    return row


def changes(before: Row | None, after: Row) -> Iterator[tuple[str, str, str]]:
    """Field, old text and new text of all that people set."""
    for field in FIELDS:
        old, new = (before or {}).get(field), after.get(field)
        if _same(field, old, new):
            continue
        yield field.replace("_", " "), _shown(field, old), _shown(field, new)


def is_steering(before: Row | None, after: Row) -> bool:
    """Whether it was only paused or resumed: nothing to go back to."""
    return before is not None and all(
        field in BY_HAND or _same(field, before.get(field), after.get(field)) for field in FIELDS
    )


def _same(field: str, old: Any, new: Any) -> bool:
    try:
        return bool(canonical(field, old) == canonical(field, new))
    except (ValueError, TypeError):  # a time that Python does not know
        return bool(old == new)


def _shown(field: str, value: Any) -> str:
    if value is None:
        return ""
    return pretty(value) if field == "payload" else text(told(field, value))
