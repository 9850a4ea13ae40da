"""Proof that a form or request was made by one of our own pages, not by a foreign one in the same browser."""

import hashlib
import hmac
import secrets

from fastapi import HTTPException, Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf"
HEADER = "x-csrf-token"
_LENGTH = hashlib.sha256().digest_size


def form_token(secret: str) -> str:
    """Another one each time: pages are compressed, and how well would give away a text that stays."""
    pad = secrets.token_bytes(_LENGTH)
    return (pad + _xor(pad, _proof(secret))).hex()


class OutOfDate(HTTPException):
    """It comes from a page of ours, but of a login before this one."""

    def __init__(self) -> None:
        super().__init__(403, "This form is out of date. Open its page again, then send it once more.")


def require_own(request: Request, secret: str, given: str) -> None:
    """Raises HTTPException 403."""
    if not is_own_origin(request):
        raise HTTPException(403, "This was sent by another site.")
    if not secret or not _fits(secret, given):
        raise OutOfDate


def _fits(secret: str, given: str) -> bool:
    try:
        token = bytes.fromhex(given)
    except ValueError:
        return False
    pad, rest = token[:_LENGTH], token[_LENGTH:]
    return len(rest) == _LENGTH and hmac.compare_digest(_xor(pad, rest), _proof(secret))


def _proof(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"hourhand form", hashlib.sha256)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def is_own_origin(request: Request) -> bool:
    """Whether one of our pages has sent it, as the browser says."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    # No foreign page can set the second one: that takes a preflight, which is never answered.
    hosts = {request.headers.get("host"), request.headers.get("x-forwarded-host")}
    return origin.partition("://")[2] in hosts - {None, ""}
