"""Finds out who is asking: by a bearer token, else by the cookie of a login."""

import hmac
import secrets

from fastapi import HTTPException, Request, Response

from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_admin.web.access.jwts import Jwts
from hourhand_admin.web.access.roles import Role, role_of
from hourhand_admin.web.access.tokens import PREFIX, hash_token, new_token
from hourhand_admin.web.access.who import Who

LOGIN_COOKIE = "hourhand_login"
VISITOR_COOKIE = "hourhand_visitor"
IDLE = 2 * 3600.0
"""Seconds after which a login that is not used is over."""
LIFETIME = 12 * 3600.0
"""Seconds after which every login is over."""


class Identity:
    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._transport = transport
        self._api_token = settings.api_token.get_secret_value() if settings.api_token else None
        self._jwts = Jwts(settings)

    def who(self, request: Request) -> Who:
        """Raises HTTPException 401 for a bearer token that is not good, and the TransportErrors."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            return self._by_cookie(request)
        scheme, _, token = authorization.partition(" ")
        who = self._by_token(token.strip()) if scheme.lower() == "bearer" else None
        if who is None:
            raise HTTPException(401, "The token is unknown, or it has expired.")
        return who

    def open_login(self, name: str, response: Response, request: Request) -> None:
        """A new token at each login: one that was planted before is worth nothing, and the last one ends."""
        self._end(request)
        token = new_token()
        login = {"p_name": name, "p_token_hash": hash_token(token), "p_lifetime": LIFETIME}
        self._transport.call("act_as", {"p_actor": name, "p_function": "open_login", "p_params": login})
        set_cookie(response, request, LOGIN_COOKIE, token, round(LIFETIME))

    def close_login(self, response: Response, request: Request) -> None:
        self._end(request)
        set_cookie(response, request, LOGIN_COOKIE, "", 0)

    def _end(self, request: Request) -> None:
        if token := request.cookies.get(LOGIN_COOKIE):
            self._transport.call("close_login", {"p_token_hash": hash_token(token)})

    def _by_cookie(self, request: Request) -> Who:
        if token := request.cookies.get(LOGIN_COOKIE):
            answer = self._transport.call("use_login", {"p_token_hash": hash_token(token), "p_idle": IDLE})
            if answer["name"] is not None:
                return Who(answer["name"], role_of(answer["role"]), answer["name"], token)
        return Who.visitor(request.cookies.get(VISITOR_COOKIE) or "")

    def _by_token(self, token: str) -> Who | None:
        if self._api_token and hmac.compare_digest(token.encode(), self._api_token.encode()):
            return Who("HOURHAND_API_TOKEN", Role.admin, "token:HOURHAND_API_TOKEN", None)
        if token.startswith(PREFIX):
            answer = self._transport.call("use_api_token", {"p_token_hash": hash_token(token)})
            if answer["name"] is None:
                return None
            return Who(answer["name"], role_of(answer["role"]), f"token:{answer['name']}", None)
        return self._jwts.who(token)


def new_visitor(response: Response, request: Request) -> str:
    """Lets a browser without a login send forms, such as that of the login."""
    secret = secrets.token_urlsafe(16)
    set_cookie(response, request, VISITOR_COOKIE, secret, None)
    return secret


def set_cookie(response: Response, request: Request, name: str, value: str, max_age: int | None) -> None:
    """`max_age` in seconds; None: until the browser is closed; 0: away with it."""
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
