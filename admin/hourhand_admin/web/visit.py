"""One request of one person or program: what its page reads, does and shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from hourhand.errors import BadInput
from hourhand_admin.web.access import forms
from hourhand_admin.web.access.identity import new_visitor, set_cookie
from hourhand_admin.web.access.roles import Role
from hourhand_admin.web.access.who import Who
from hourhand_admin.web.look import environment
from hourhand_admin.web.look.times import Clock

if TYPE_CHECKING:
    from hourhand.settings import Settings
    from hourhand.transport import Transport

FLASH_COOKIE = "hourhand_flash"
THEME_COOKIE = "hourhand_theme"
ZONE_COOKIE = "hourhand_zone"
_FLASH_SECONDS = 60
_LONGEST_FLASH = 1000

Tone = Literal["good", "bad", "note"]


class Visit:
    """`who` asks, `form` is what was sent as a form (empty where nothing was)."""

    def __init__(self, request: Request, who: Who, form: FormData) -> None:
        self.request = request
        self.who = who
        self.form = form

    @property
    def settings(self) -> Settings:
        settings: Settings = self.request.app.state.settings
        return settings

    @property
    def transport(self) -> Transport:
        transport: Transport = self.request.app.state.transport
        return transport

    def may(self, role: Role | str) -> bool:
        return self.who.may(role)

    # --- The database ---

    def call(self, function: str, /, **params: Any) -> Any:
        """The answer of a function that reads. Raises the TransportErrors, which become an error page."""
        return self.transport.call(function, params)

    def act(self, function: str, /, **params: Any) -> Any:
        """The answer of a function that changes something; the audit log names who asked for it."""
        wanted = {"p_actor": self.who.actor, "p_function": function, "p_params": params}
        return self.transport.call("act_as", wanted)

    def field(self, name: str, default: str = "") -> str:
        """A field of the form, without blanks around it."""
        value = self.form.get(name, default)
        if not isinstance(value, str):
            raise BadInput(f"{name}: a text is wanted, not a file")
        return value.strip()

    # --- Addresses ---

    def url(self, path: str, /, **query: object) -> str:
        """An address inside the admin, wherever it is mounted: `url("/runs", status="failed")`.

        None is left out. `path` may have a query of its own; parts of it that are data are quoted with the
        filter `segment`.
        """
        given = {name: value for name, value in query.items() if value not in (None, "")}
        text = urlencode(given, doseq=True)
        return f"{self.root}{path}{('&' if '?' in path else '?') if text else ''}{text}"

    def here(self, **changes: object) -> str:
        """The address of this page with some of its query changed; None takes one away."""
        query: dict[str, object] = {
            name: self.request.query_params.getlist(name) for name in self.request.query_params
        }
        return self.url(self.path, **{**query, **changes})

    @property
    def root(self) -> str:
        return str(self.request.scope.get("root_path", "")).rstrip("/")

    @property
    def path(self) -> str:
        """The path of this page inside the admin."""
        return self.request.url.path.removeprefix(self.root) or "/"

    # --- Answers ---

    def page(self, template: str, status_code: int = 200, /, **context: Any) -> HTMLResponse:
        """A page. `now`, the database's clock as its answer has it, makes "3 min ago" possible."""
        response = HTMLResponse("", status_code)
        csrf = forms.form_token(self._secret(response)) if self.who.secret is not None else ""
        text = environment.render(template, visit=self, csrf=csrf, flashes=self._flashes(response), **context)
        response.body = text.encode()
        response.headers["content-length"] = str(len(response.body))
        return response

    def back(self, path: str, told: str = "", tone: Tone = "good", **query: object) -> RedirectResponse:
        """To another page after a form was done, which says there what was done."""
        response = RedirectResponse(self.url(path, **query), 303)
        if told:
            text = json.dumps([tone, told[:_LONGEST_FLASH]])
            value = base64.urlsafe_b64encode(text.encode()).decode()
            set_cookie(response, self.request, FLASH_COOKIE, value, _FLASH_SECONDS)
        return response

    def _secret(self, response: Response) -> str:
        return self.who.secret or new_visitor(response, self.request)

    def _flashes(self, response: Response) -> list[tuple[str, str]]:
        cookie = self.request.cookies.get(FLASH_COOKIE)
        # A script that looks at the page again does not take away what the reader has yet to see.
        if not cookie or self.request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            return []
        set_cookie(response, self.request, FLASH_COOKIE, "", 0)
        try:
            tone, told = json.loads(base64.urlsafe_b64decode(cookie))
        except ValueError:
            return []
        return [(str(tone), str(told))]

    # --- How this browser wants to see things ---

    @property
    def theme(self) -> str:
        """light, dark or auto."""
        theme = self.request.cookies.get(THEME_COOKIE, "auto")
        return theme if theme in ("light", "dark") else "auto"

    def clock(self, now: str | None) -> Clock:
        return Clock(self.request.cookies.get(ZONE_COOKIE, "UTC"), str(self.settings.cron_timezone), now)


def query_of(request: Request) -> Mapping[str, str]:
    """The query without empty fields: an untouched form sends all its fields."""
    return {name: value.strip() for name, value in request.query_params.items() if value.strip()}
