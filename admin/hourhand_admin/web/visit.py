"""One request of one person or program: what its page reads, does and shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from hourhand.errors import BadInput, HourhandError
from hourhand_admin.web.access import forms
from hourhand_admin.web.access.identity import new_visitor, set_cookie
from hourhand_admin.web.access.roles import Role
from hourhand_admin.web.access.who import Who
from hourhand_admin.web.look import environment
from hourhand_admin.web.look.times import Clock
from hourhand_admin.web.refusal import Refusal

if TYPE_CHECKING:
    from hourhand.settings import Settings
    from hourhand.transport import Transport

FLASH_COOKIE = "hourhand_flash"
THEME_COOKIE = "hourhand_theme"
ZONE_COOKIE = "hourhand_zone"
_FLASH_SECONDS = 60
_LONGEST_FLASH = 1000

Tone = Literal["good", "bad", "note"]
MayStay = Callable[[], Awaitable[bool]]


async def _must_go() -> bool:
    return False


class Visit:
    """`who` asks, `form` is what was sent as a form (empty where nothing was).

    `may_stay` asks whether they still may, for an answer that goes on for long.
    """

    def __init__(self, request: Request, who: Who, form: FormData, may_stay: MayStay = _must_go) -> None:
        self.request = request
        self.who = who
        self.form = form
        self.may_stay = may_stay
        self._refusal: Refusal | None = None

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

    def read(self, name: str, reader: Callable[[str], Any]) -> Any:
        """A field as its reader takes it; None for an empty one. A reader's ValueError becomes a BadInput."""
        try:
            return reader(text) if (text := self.field(name)) else None
        except (ValueError, OverflowError) as error:
            raise BadInput(f"{name}: {error}") from None

    def query(self, *known: str) -> Mapping[str, str]:
        """The query without empty fields: an untouched form sends all its fields.

        Raises BadInput for another name: it may be a filter that was misspelt, and without it all is meant.
        """
        asked = self.request.query_params
        if wrong := next((name for name in asked if name not in known), ""):
            raise BadInput(f"there is no filter {wrong!r} here, but {', '.join(known)}")
        return {name: value.strip() for name, value in asked.items() if value.strip()}

    # --- A form that was refused ---

    def refused(self, form: str, error: HourhandError) -> Visit:
        """From now on the page shows the form of this name as it was sent, and what is wrong with it.

        Who wants no page gets the error as it is: it is raised.
        """
        if not wants_page(self.request):
            raise error
        sent = self.form or self.request.query_params
        texts = {name: text for name, text in sent.items() if isinstance(text, str)}
        self._refusal = Refusal.of(form, texts, error)
        return self

    def is_refused(self, form: str) -> bool:
        return self._refusal is not None and self._refusal.form == form

    def typed(self, form: str, name: str, usual: object) -> object:
        """What the field is to show: what was typed, where the form comes back."""
        return self._refusal.texts.get(name, usual) if self._refusal and self.is_refused(form) else usual

    def wrong(self, form: str, name: str = "") -> str:
        """What is wrong with this field, or with the form as a whole."""
        found = self._refusal
        return found.told if found and self.is_refused(form) and found.field == name else ""

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

    def again(self, section: str) -> str:
        """This page and its query; its section, where it cannot be asked for again."""
        if self.request.method != "GET":
            return section
        query = self.request.url.query
        return f"{self.path}?{query}" if query else self.path

    @property
    def root(self) -> str:
        return str(self.request.scope.get("root_path", "")).rstrip("/")

    @property
    def path(self) -> str:
        """The path of this page inside the admin."""
        return self.request.url.path.removeprefix(self.root) or "/"

    # --- Answers ---

    def page(self, template: str, status_code: int | None = None, /, **context: Any) -> HTMLResponse:
        """A page. `now`, the database's clock as its answer has it, makes "3 min ago" possible.

        Its status is 200, or that of a form that was refused.
        """
        response = HTMLResponse("", status_code or (self._refusal.status if self._refusal else 200))
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
        except (ValueError, TypeError, RecursionError):  # it is whatever a browser sends
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


def wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
