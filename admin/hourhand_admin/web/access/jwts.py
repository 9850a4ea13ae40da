"""JWTs of a Supabase project's users. What they may do here is in `app_metadata.hourhand_role`."""

import json
import threading
import time
from typing import Any

import httpx
import jwt

from hourhand import log
from hourhand.settings import Settings
from hourhand_admin.web.access.roles import Role, role_of
from hourhand_admin.web.access.who import Who

_AUDIENCE = "authenticated"
# An attacker chooses the algorithm a token names, so each kind of key has its own list.
_BY_SECRET = ["HS256"]
_BY_PUBLIC_KEY = ["RS256", "ES256", "EdDSA"]
_CACHED = 600.0  # seconds
_AT_MOST_EVERY = 30.0
_LEEWAY = 10.0
_WITHIN = 5.0
_MOST_BYTES = 1_000_000


class Jwts:
    """Checks tokens by the secret, the public keys, or both, as the settings have them."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._keys = PublicKeys(str(settings.jwks_url)) if settings.jwks_url else None

    def who(self, token: str) -> Who | None:
        """None for a token that is not valid, or gives no role here."""
        try:
            claims = self._claims(token)
        except (jwt.PyJWTError, ValueError):
            return None
        metadata = claims.get("app_metadata")
        role = role_of(metadata.get("hourhand_role")) if isinstance(metadata, dict) else Role.anyone
        if role is Role.anyone:
            return None
        return Who(str(claims.get("email") or claims["sub"]), role, f"jwt:{claims['sub']}", None)

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key: str | jwt.PyJWK | None
        if header.get("alg") in _BY_SECRET:
            key, algorithms = self._secret, _BY_SECRET
        else:
            key, algorithms = self._keys.find(str(header.get("kid"))) if self._keys else None, _BY_PUBLIC_KEY
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=_AUDIENCE,
            leeway=_LEEWAY,
            options={"require": ["exp", "sub", "aud"]},
        )


class PublicKeys:
    """The keys at a JWKS address. They are kept for ten minutes, longer if it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def find(self, kid: str) -> jwt.PyJWK | None:
        # Whose key is known does not wait while the address is asked.
        if self._lock.acquire(blocking=kid not in self._keys):
            try:
                age = time.monotonic() - self._asked_at
                # Tokens with made-up key ids must not make us ask each time.
                if age > _CACHED or (kid not in self._keys and age > _AT_MOST_EVERY):
                    self._ask()
            finally:
                self._lock.release()
        return self._keys.get(kid)

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(_read(self._url))).keys
        except (httpx.HTTPError, jwt.PyJWTError, ValueError, AttributeError) as error:
            log.event("admin.jwks", "WARNING", f"{self._url} gives no keys: {error}", error=error)
            return
        self._keys = {str(key.key_id): key for key in keys}


def _read(url: str) -> bytes:
    """Goes to no other address. Raises httpx.HTTPError, and ValueError for what is too long or too slow."""
    began, body = time.monotonic(), b""
    with httpx.stream("GET", url, timeout=_WITHIN) as answer:
        answer.raise_for_status()
        for part in answer.iter_bytes():
            body += part
            if len(body) > _MOST_BYTES or time.monotonic() - began > _WITHIN:
                raise ValueError("the answer is too long, or too slow")
    return body
