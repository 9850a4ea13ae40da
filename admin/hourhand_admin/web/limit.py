"""How large a request may be, and how slow."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hourhand_admin.web.errors import problem

MOST_BYTES = 1_048_576
WITHIN = 60.0
"""Seconds in which all of a request has to come."""
_TOLD = f"A request may have {MOST_BYTES} bytes."


class BodyLimit:
    """ASGI middleware: 413 for a body that says, or turns out, to be larger; FastAPI's answers plain text.

    408 for one that does not come to its end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _said_length(scope) > MOST_BYTES:
            await problem(Request(scope), 413, _TOLD)(scope, receive, send)
            return
        length = 0
        until: float | None = asyncio.get_running_loop().time() + WITHIN

        async def counted() -> Message:
            nonlocal length, until
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The request did not come to its end.") from None
            length += len(message.get("body", b""))
            if length > MOST_BYTES:
                raise HTTPException(413, _TOLD)
            if not message.get("more_body"):
                until = None
            return message

        await self._app(scope, counted, send)


def _said_length(scope: Scope) -> int:
    said = Headers(scope=scope).get("content-length", "")
    return int(said) if said.isdecimal() and len(said) < 19 else 0
