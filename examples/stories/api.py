"""The API beside the worker, and a page that shows how it is with what it triggered, live.

    HOURHAND_API_TOKEN=… hourhand admin &
    HOURHAND_API_TOKEN=… uvicorn examples.stories.api:app --port 8100

HOURHAND_ADMIN_URL (http://127.0.0.1:8000) says where the admin is. The page reaches it below /jobs/, as
behind a proxy of one's own, with a token for the one run that it may see; the API's own token stays here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from examples.common.settings import setting
from examples.stories.payloads import Address
from examples.stories.tasks.ingestion import ingest_oneoff
from hourhand import AsyncClient

_PAGE = Path(__file__).parent / "page"
_PASSED_ON = ("static/client.js", "api/v1/events")
_KEPT = {"content-type", "cache-control"}


class Triggered(BaseModel):
    id: int
    token: str  # with which the page may read this run for a while


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    admin = setting("HOURHAND_ADMIN_URL", "http://127.0.0.1:8000")
    # No limit for reading: a stream is quiet while nothing happens.
    patience = httpx.Timeout(10, read=None)
    async with AsyncClient() as jobs, httpx.AsyncClient(base_url=admin, timeout=patience) as client:
        app.state.jobs, app.state.admin = jobs, client
        yield


app = FastAPI(title="Stories", lifespan=_lifespan)


@app.get("/")
def page() -> FileResponse:
    return FileResponse(_PAGE / "index.html")


@app.get("/page.js")
def script() -> FileResponse:
    return FileResponse(_PAGE / "page.js", media_type="text/javascript")


@app.post("/sources", status_code=202)
async def add_source(address: Address, request: Request) -> Triggered:
    """Take in the page at an address, as soon as a worker has time."""
    handle = await request.app.state.jobs.enqueue(ingest_oneoff, address)
    return Triggered(id=handle.id, token=await _token(request.app.state.admin, handle.id))


@app.get("/jobs/{path:path}")
async def pass_on(path: str, request: Request) -> StreamingResponse:
    """What the page needs of the admin, as it comes; the right to it is the token of the run."""
    if path not in _PASSED_ON:
        raise HTTPException(404)
    admin: httpx.AsyncClient = request.app.state.admin
    headers = {"last-event-id": request.headers.get("last-event-id", ""), "accept-encoding": "identity"}
    asked = admin.build_request("GET", f"/{path}", params=request.query_params, headers=headers)
    answer = await admin.send(asked, stream=True)
    kept = {name: value for name, value in answer.headers.items() if name in _KEPT}
    return StreamingResponse(_parts(answer), answer.status_code, kept)


async def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:  # the page has gone, or all was told
        await answer.aclose()


async def _token(admin: httpx.AsyncClient, run_id: int) -> str:
    bearer = {"Authorization": f"Bearer {setting('HOURHAND_API_TOKEN')}"}
    answer = await admin.post(f"/api/v1/runs/{run_id}/token", headers=bearer)
    if not answer.is_success:
        raise HTTPException(502, f"The admin gives no token for run {run_id}: {answer.status_code}.")
    token: str = answer.json()["token"]
    return token
