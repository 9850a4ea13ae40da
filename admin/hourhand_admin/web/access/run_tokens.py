"""What shows a run may also be read with a token for it, as `?token=`: an EventSource sends no headers."""

from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool

from hourhand_admin.web.access.needs import Needs
from hourhand_admin.web.access.roles import Role
from hourhand_admin.web.access.tokens import hash_token
from hourhand_admin.web.access.who import Who
from hourhand_admin.web.live.cursor import TOPICS
from hourhand_admin.web.visit import Visit

PARAMETER = "token"

_Token = Annotated[
    str | None,
    Query(alias=PARAMETER, max_length=200, description="A token for this run, in place of a login."),
]


class NeedsOneRun(Needs):
    async def __call__(self, request: Request, token: _Token = None) -> Visit:  # noqa: ARG002  (_who() reads it)
        return await super().__call__(request)

    async def _who(self, request: Request) -> Who:
        token = request.query_params.get(PARAMETER)
        if token is None or "authorization" in request.headers:
            return await super()._who(request)
        wanted = {"p_token_hash": hash_token(token)}
        answer = await run_in_threadpool(request.app.state.transport.call, "use_run_token", wanted)
        if answer["run_id"] is None:
            raise HTTPException(401, "The token is unknown, or it has expired.")
        if _asked_for(request) != {str(answer["run_id"])}:
            raise HTTPException(403, f"This token is for run {answer['run_id']} alone.")
        return Who("", Role.viewer, f"token:run {answer['run_id']}", None)


def _asked_for(request: Request) -> set[str]:
    """The runs that the request is about, and what else it wants."""
    runs = [request.path_params["run_id"]] if "run_id" in request.path_params else []
    asked = [each.partition(":")[0] for each in request.query_params.getlist("run")]
    return {*map(str, runs), *asked, *(topic for topic in TOPICS if topic in request.query_params)}


RunReader = Annotated[Visit, Depends(NeedsOneRun(Role.viewer))]
"""A viewer, or the holder of a token for the one run that the request is about."""
