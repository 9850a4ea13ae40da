"""`/api/v1/events`: everything that a browser watches, in one stream."""

from typing import Annotated, Any

from fastapi import Query, Response

from hourhand_admin.web.access.run_tokens import RunReader
from hourhand_admin.web.live.cursor import TOPICS, Cursor
from hourhand_admin.web.live.stream import EventStream
from hourhand_admin.web.rest.bodies import api
from hourhand_admin.web.rest.requests import LastEventId

router = api("/api/v1", "events")

MOST_RUNS = 20
"""That one stream may watch."""

_Run = Annotated[str, Query(pattern=r"^[0-9]{1,18}(:[0-9]{1,18})?$")]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events, until all runs have ended.", "content": {"text/event-stream": {}}},
    204: {"description": "All runs have ended, and `Last-Event-ID` says that this was told."},
}


@router.get("/events", response_class=Response, responses=_STREAM)
async def events(
    visit: RunReader,
    last_event_id: LastEventId,
    run: Annotated[
        list[_Run],
        Query(
            max_length=MOST_RUNS,
            description="A run's id, or ID:LINE for its log lines after that id only. May be repeated.",
        ),
    ] = [],  # noqa: B006  (FastAPI copies it)
    runs: Annotated[str | None, Query(description="Tell when any run changes.")] = None,
    schedules: Annotated[str | None, Query(description="Tell when any schedule changes.")] = None,
    services: Annotated[
        str | None, Query(description="Tell when a scheduler or worker comes, goes or falls silent.")
    ] = None,
) -> Response:
    """Server-sent events. Each has an id; a browser that reconnects sends the last one, and misses nothing.

    Without any parameter it is about `runs`, `schedules` and `services`.

    `log` is a line of a run's log, `run` a run's state whenever it differs, `run-end` the last of a run;
    `runs`, `schedules` and `services` say that something there has changed; `end` closes the stream.
    """
    wanted = {
        name for name, value in zip(TOPICS, (runs, schedules, services), strict=True) if value is not None
    }
    topics = sorted(wanted) if run or wanted else TOPICS
    cursor = Cursor.of(dict(map(_from, run)), topics, last_event_id)
    if cursor.over:  # a browser does not come back after this answer
        return Response(status_code=204)
    return EventStream(visit.request.app.state.live, cursor, visit.may_stay)


def _from(run: str) -> tuple[int, int]:
    number, _, line = run.partition(":")
    return int(number), int(line or 0)
