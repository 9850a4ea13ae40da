"""The description of the REST API, made by FastAPI from its routes."""

import re
import warnings
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from hourhand_admin.web.access.needs import Public

router = APIRouter(include_in_schema=False)

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `hourhand token create`, or a Supabase JWT.",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "hint": {"type": "string", "description": "What to try."},
    },
}
_ANSWER = {
    "description": "Refused or failed.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


@router.get("/openapi.json")
def openapi(visit: Public) -> JSONResponse:
    return JSONResponse(describe(visit.request.app, visit.root))


def describe(app: Any, root: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    if app.openapi_schema is None:
        with warnings.catch_warnings():  # a route with two methods has one name, until below
            warnings.filterwarnings("ignore", "Duplicate Operation ID")
            made = get_openapi(
                title="hourhand", version=app.version, routes=app.routes, servers=[{"url": root or "/"}]
            )
        components = made.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM
        components["securitySchemes"] = {"bearer": _BEARER}
        made["security"] = [{"bearer": []}]
        for address, path in made["paths"].items():
            for method, operation in path.items():
                operation["operationId"] = "_".join((method, *re.findall(r"\w+", address)))
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = _ANSWER
        app.openapi_schema = made
    schema: dict[str, Any] = app.openapi_schema
    return schema
