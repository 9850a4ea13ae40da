"""Proof that a form or request was made by one of our own pages, not by a foreign one in the same browser."""

import hashlib
import hmac
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf"
HEADER = "x-csrf-token"


def form_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"hourhand form", hashlib.sha256).hexdigest()


def require_own(request: Request, secret: str, given: str) -> None:
    """Raises HTTPException 403."""
    if not _is_own_origin(request):
        raise HTTPException(403, "This was sent by another site.")
    if not secret or not hmac.compare_digest(form_token(secret).encode(), given.encode("utf-8", "replace")):
        raise HTTPException(403, "This form is out of date. Open its page again, then send it once more.")


def _is_own_origin(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    # No foreign page can set the second one: that takes a preflight, which is never answered.
    hosts = {request.headers.get("host"), request.headers.get("x-forwarded-host")}
    return urlsplit(origin).netloc in hosts - {None, ""}
