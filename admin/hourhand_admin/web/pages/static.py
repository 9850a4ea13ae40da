"""Styles, scripts and pictures."""

from fastapi import APIRouter, HTTPException, Request, Response

from hourhand_admin.web.access.needs import Public
from hourhand_admin.web.look.assets import assets, version

router = APIRouter()

_FOR_EVER = "public, max-age=31536000, immutable"
_LOOK_AGAIN = "public, max-age=300"


@router.get("/static/{name}")
def current(visit: Public, name: str) -> Response:
    """By a name that stays, for pages of others: `/static/client.js`."""
    return _asset(visit.request, name, _LOOK_AGAIN)


@router.get("/static/{of}/{name}")
def versioned(visit: Public, of: str, name: str) -> Response:
    return _asset(visit.request, name, _FOR_EVER if of == version() else _LOOK_AGAIN)


def _asset(request: Request, name: str, cache_control: str) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, f"There is no file {name}.")
    headers = {"cache-control": cache_control, "vary": "accept-encoding", "etag": f'"{version()}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    headers |= {"content-encoding": "gzip"} if zipped else {}
    return Response(asset.zipped if zipped else asset.body, media_type=asset.media_type, headers=headers)
