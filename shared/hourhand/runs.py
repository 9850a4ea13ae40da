"""`client.runs`: look at runs, cancel them, retry them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from hourhand import tracing
from hourhand.handle import Handle, hopped_to_handle
from hourhand.hopping import Face, hopped
from hourhand.records import CancelOutcome, LogLine, RunRecord

if TYPE_CHECKING:
    from hourhand.caller import Caller

RunList = list[RunRecord]
LogLines = list[LogLine]

_PAGE = 500


class RunFilter(TypedDict, total=False):
    """What a run has to match; keys that are absent match all.

    `since` and `until` bound the creation (aware), `error` is a part of the error's text.
    """

    status: str | Sequence[str] | None
    task: str | None
    schedule: str | None
    queue: str | None
    since: datetime | None
    until: datetime | None
    error: str | None
    ids: Sequence[int] | None
    parent_id: int | None


class Runs:
    """Looks at runs and steers them."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self, run_id: int) -> RunRecord:
        """One run with all there is to know about it. Raises NotFound."""
        return RunRecord.model_validate(self._caller.call("get_run", p_run_id=run_id))

    def list(self, *, limit: int = 50, before: int | None = None, **matching: Unpack[RunFilter]) -> RunList:
        """The newest runs that match, newest first, without payloads and results.

        `before` is an id: the runs older than that one.
        """
        return list(islice(self._pages(limit, before, _as_json(matching)), limit))

    def _pages(self, limit: int, before: int | None, matching: dict[str, Any]) -> Iterator[RunRecord]:
        while True:
            answer = self._caller.call(
                "list_runs", p_filter=matching, p_limit=min(limit, _PAGE), p_before=before
            )
            yield from map(RunRecord.model_validate, answer["runs"])
            before = answer["next"]
            if before is None:
                return

    def cancel(self, run_id: int, reason: str | None = None) -> CancelOutcome:
        """Cancel a run: `cancelled` (it had not started), `requested` (it runs and is asked to stop) or
        `finished` (it was over). Raises NotFound.
        """
        outcome: CancelOutcome = self._caller.call("cancel_run", p_run_id=run_id, p_reason=reason)["outcome"]
        return outcome

    def retry(self, run_id: int, payload: Any = None) -> Handle:
        """Run an ended run again, as a new run, with another payload if one is given.

        Raises NotFound, or Conflict when it has not ended.
        """
        answer = self._caller.call(
            "retry_run",
            p_run_id=run_id,
            p_payload=payload,
            p_request_id=uuid.uuid4(),
            p_trace_context=tracing.current(),
        )
        return Handle(self, answer["id"], answer["outcome"])

    def logs(self, run_id: int, *, after: int = 0, limit: int = 1000) -> LogLines:
        """The first `limit` lines that the run wrote after the line with the id `after`."""
        answer = self._caller.call("get_logs", p_run_id=run_id, p_after=after, p_limit=limit)
        return list(map(LogLine.model_validate, answer["logs"]))


class AsyncRuns(Face[Runs]):
    get = hopped(Runs.get)
    list = hopped(Runs.list)
    cancel = hopped(Runs.cancel)
    retry = hopped_to_handle(Runs.retry)
    logs = hopped(Runs.logs)


def _as_json(matching: RunFilter) -> dict[str, Any]:
    return {key: _plain(value) for key, value in matching.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) or not isinstance(value, Iterable) else [*value]
