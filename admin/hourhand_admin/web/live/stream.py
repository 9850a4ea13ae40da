"""One stream of events as it is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from time import monotonic
from typing import Any

from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from hourhand_admin.web.live.cursor import Cursor, Event
from hourhand_admin.web.live.hub import EVERY, Hub
from hourhand_admin.web.visit import MayStay

HEARTBEAT = 15.0
"""Seconds of silence after which a comment says that the stream is alive."""
LONGEST = 900.0
"""Seconds after which a stream ends and is to be opened anew."""
ASKED_EVERY = 10.0
"""Seconds after which it is asked once more whether this browser may see it."""
_RETRY = 1000  # milliseconds
_READS_WITHIN = 30.0
"""Seconds for a browser to take what was sent; then it is given up."""

Shown = Callable[[Event], Iterable[Event]]
"""How the events of a stream look outside."""


def as_they_are(event: Event) -> Iterable[Event]:
    return (event,)


class EventStream(StreamingResponse):
    """Raises HTTPException 503 when there are too many."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, cursor: Cursor, may_stay: MayStay, shown: Shown = as_they_are) -> None:
        if hub.full:
            raise HTTPException(503, "Too many streams are open here.", {"Retry-After": "5"})
        super().__init__(_written(hub, cursor, may_stay, shown), headers={"x-accel-buffering": "no"})
        self._place = hub.place(len(cursor.runs))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Any) -> None:
            try:
                await asyncio.wait_for(send(message), _READS_WITHIN)
            except TimeoutError:
                raise OSError("the browser does not read") from None

        await super().stream_response(in_time)


async def _written(hub: Hub, cursor: Cursor, may_stay: MayStay, shown: Shown) -> AsyncIterator[bytes]:
    yield format_sse_event(retry=_RETRY, comment="hourhand")
    opened = told = asked = monotonic()
    at_once = True
    while not cursor.over and monotonic() - opened < LONGEST:
        if monotonic() - asked > ASKED_EVERY:
            if not await may_stay():
                return
            asked = monotonic()
        changes = await hub.changes(cursor.wanted, cursor.topics, at_once=at_once)
        if changes is None and hub.closing.begun:
            return
        for event in cursor.advance(changes) if changes else ():
            for each in shown(event):
                yield _line(each)
                told = monotonic()
        at_once = changes is not None and _more(changes, cursor)
        if monotonic() - told > HEARTBEAT - EVERY:
            yield format_sse_event(comment="alive")
            told = monotonic()
    if cursor.over:
        for each in shown(Event("end", {}, None)):
            yield _line(each)


def _more(changes: Mapping[str, Any], cursor: Cursor) -> bool:
    return any(run["more"] and run["id"] in cursor.runs for run in changes["runs"])


def _line(event: Event) -> bytes:
    return format_sse_event(data_str=json.dumps(event.data), event=event.name, id=event.id)
