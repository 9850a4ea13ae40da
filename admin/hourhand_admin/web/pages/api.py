"""The REST API, described for people: the same as /openapi.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from hourhand_admin.web.access.needs import Viewer
from hourhand_admin.web.api.openapi import describe

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    says: str
    parameters: list[tuple[str, str]]
    """Name and description."""
    fields: list[str]
    example: str
    """A body, as it may be sent."""


@router.get("/api")
def api(visit: Viewer) -> Response:
    described = describe(visit.request.app, visit.root)
    groups: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            group = groups.setdefault(operation.get("tags", ["other"])[0], [])
            group.append(_operation(described, method.upper(), path, operation))
    return visit.page("api.html", groups=sorted(groups.items()), version=described["info"]["version"])


def _operation(described: Any, method: str, path: str, operation: Mapping[str, Any]) -> Operation:
    parameters = [
        (each["name"], each.get("description", ""))
        for each in operation.get("parameters", ())
        if each["in"] != "path"
    ]
    says = operation.get("description") or operation.get("summary", "")
    body: dict[str, Any] = next(_bodies(described, operation), {})
    example = next(iter(body.get("examples", ())), None)
    shown = json.dumps(example) if example is not None else ""
    return Operation(method, path, says, parameters, list(body.get("properties", ())), shown)


def _bodies(described: Any, operation: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas of its body; one that may be left out is one of several."""
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            yield described["components"]["schemas"][each["$ref"].rpartition("/")[2]]
