"""The audit log: who changed what, and how it was before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.look.navigation import Nav

NAV = Nav("Audit", "/audit", 80)
router = APIRouter()

_A_PAGE = 50
_FILTERS = ("actor", "action", "subject")
_LONGEST = 2000


@router.get("/audit")
def audit(visit: Viewer, before: Annotated[int | None, Query(ge=1, lt=2**63)] = None) -> Response:
    query = visit.query(*_FILTERS, "before")
    chosen = {name: query[name] for name in _FILTERS if name in query}
    answer = visit.call("list_audit", p_filter=chosen, p_limit=_A_PAGE, p_before=before)
    for entry in answer["entries"]:
        entry["changes"] = list(changes(entry["before"], entry["after"]))
    return visit.page("audit.html", **answer, chosen=chosen, filters=_FILTERS, first=before is None)


def changes(before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    """Name, old text and new text of all that differs; what is no object has no names."""
    if not isinstance(before, dict | None) or not isinstance(after, dict | None):
        yield "", _shown(before), _shown(after)
        return
    old, new = before or {}, after or {}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name.replace("_", " "), _shown(old.get(name)), _shown(new.get(name))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "" if value is None else text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
