"""A program somewhere tells when it runs, as it would tell healthchecks.io. The id is the secret."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from hourhand_admin.web.access.needs import Caller
from hourhand_admin.web.visit import Visit

router = APIRouter(prefix="/api/v1/ping", tags=["pings"])

_METHODS = ["GET", "POST"]
_LONGEST_NOTE = 10_000


@router.api_route("/{ping_id}", methods=_METHODS)
async def succeeded(visit: Caller, ping_id: UUID) -> dict[str, Any]:
    """It has ended well. What is posted is kept with the run."""
    return await _told(visit, ping_id, "success")


@router.api_route("/{ping_id}/{signal}", methods=_METHODS)
async def told(visit: Caller, ping_id: UUID, signal: str) -> dict[str, Any]:
    """It starts (`start`), has failed (`fail`) or has ended with an exit status."""
    return await _told(visit, ping_id, signal)


async def _told(visit: Visit, ping_id: UUID, signal: str) -> dict[str, Any]:
    said = (await visit.request.body())[:_LONGEST_NOTE].decode("utf-8", "replace").replace("\0", "")
    params = {"p_id": ping_id, "p_signal": signal, "p_note": said or None}
    answer: dict[str, Any] = await run_in_threadpool(visit.transport.call, "ping", params, retry=False)
    return answer
