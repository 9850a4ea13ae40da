"""What is sent, read more strictly than FastAPI and Python do: the names of a query, and bodies in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

MOST_LEVELS = 100


def api(prefix: str = "", tag: str = "") -> APIRouter:
    """A router whose routes read queries and bodies so."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=JsonRoute)


class JsonRoute(APIRoute):
    """Refuses a body that is not JSON by its type (415), or not JSON that the database can keep (422).

    A parameter that it does not know, too (422): it may be a misspelt filter, and without it all is meant.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads = self.body_field is not None
        known = list(_parameters(self.dependant))

        async def strictly(request: Request) -> Response:
            _require_known(request, known)
            if reads and _has_body(request) and not _is_json(request):
                raise HTTPException(415, "Send JSON, with Content-Type: application/json.")
            return await handle(JsonRequest(request.scope, request.receive))

        return strictly


def _parameters(dependant: Dependant) -> Iterator[str]:
    """The names that its query may have."""
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters(each)


def _require_known(request: Request, known: list[str]) -> None:
    told = f"there is no such parameter here, but {', '.join(known) or 'none'}"
    if wrong := [name for name in request.query_params if name not in known]:
        raise RequestValidationError([{"loc": ("query", name), "msg": told} for name in wrong])


class JsonRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_read"):
            self._read = loads(await self.body())
        return self._read


def loads(body: bytes) -> Any:
    """Raises HTTPException 422 for what is nested too deeply, NaN, infinity, NUL and lone surrogates."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_finite)
        _check(value)
    except (ValueError, RecursionError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise HTTPException(422, f"The body is not JSON that can be kept: {told[:200]}.") from None
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError("a number is too large")
    return number


def _check(value: Any) -> None:
    level = [value]
    for _ in range(MOST_LEVELS):
        texts = [each for each in level if isinstance(each, str)]
        if any("\0" in text for text in texts):
            raise ValueError("there is a NUL character in a text")
        if any("\ud800" <= sign <= "\udfff" for text in texts if not text.isascii() for sign in text):
            raise ValueError("there is half a surrogate pair in a text")
        level = [inner for outer in level for inner in _parts(outer)]
        if not level:
            return
    raise RecursionError


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
