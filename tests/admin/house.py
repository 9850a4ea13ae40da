"""A running admin for tests, and people and programs who use it over HTTP."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_admin.web.access.forms import FIELD, form_token
from hourhand_admin.web.access.identity import LOGIN_COOKIE
from hourhand_admin.web.access.passwords import hash_password
from hourhand_admin.web.access.tokens import hash_token, new_token
from hourhand_admin.web.app import create_app
from hourhand_admin.web.serve import listening
from tests.support.waiting import eventually

PASSWORD = "correct horse"
PASSWORD_HASH = hash_password(PASSWORD)
"""Made once: it takes a while on purpose."""


class Person:
    """A browser without JavaScript: it keeps cookies, and sends the form token with every form."""

    def __init__(self, url: str, login: str = "") -> None:
        cookies = {LOGIN_COOKIE: login} if login else {}
        self.login = login
        self.http = httpx.Client(
            base_url=url, cookies=cookies, headers={"accept": "text/html", "origin": url}, timeout=30
        )

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query or None)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """Sends a form; redirects are not followed."""
        return self.http.post(path, data={FIELD: form_token(self.login), **fields})


class Program:
    """Uses the REST API with a bearer token; without one it comes as nobody."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30)

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self.http.request(method, path, **how)


@dataclass
class House:
    """The admin at `url`; people and programs with a role are let in without ado."""

    url: str
    app: FastAPI
    transport: Transport
    _guests: list[httpx.Client] = field(default_factory=list)

    def person(self, role: str | None = "admin", name: str | None = None) -> Person:
        """Somebody who is logged in; None: a visitor."""
        token = self._login(role, name or role) if role else ""
        person = Person(self.url, token)
        self._guests.append(person.http)
        return person

    def program(self, role: str | None = "admin") -> Program:
        token = new_token() if role else ""
        if role:
            wanted = {"p_name": f"{role} {uuid.uuid4()}", "p_role": role, "p_token_hash": hash_token(token)}
            self.transport.call("create_api_token", wanted)
        program = Program(self.url, token)
        self._guests.append(program.http)
        return program

    def add_user(self, name: str, role: str) -> None:
        wanted = {"p_name": name, "p_role": role, "p_password_hash": PASSWORD_HASH}
        self.transport.call("put_user", wanted)

    def close(self) -> None:
        for guest in self._guests:
            guest.close()

    def _login(self, role: str, name: str | None) -> str:
        self.add_user(name or role, role)
        token = new_token()
        self.transport.call("open_login", {"p_name": name or role, "p_token_hash": hash_token(token)})
        return token


@contextmanager
def open_house(
    settings: Settings,
    transport: Transport,
    root_path: str = "",
    *,
    mounted: str = "",
    beside: Sequence[Route] = (),
) -> Iterator[House]:
    """An admin that runs in a thread, at a port of its own; `mounted` below a path, `beside` other routes."""
    app = create_app(settings, transport)
    ear = listening("127.0.0.1", 0)
    config = uvicorn.Config(
        Starlette(routes=[*beside, Mount(mounted, app)]) if mounted else app,
        root_path=root_path,
        log_config=None,
        access_log=False,
        lifespan="off",
        # A client of a busy machine must not write into a connection that has just been closed for idleness.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=[[ear]], daemon=True)
    thread.start()
    house = House(f"http://127.0.0.1:{ear.getsockname()[1]}{mounted}", app, transport)
    try:
        eventually(lambda: server.started)
        yield house
    finally:
        house.close()
        app.state.closing.begin()
        server.should_exit = True
        thread.join(10)
        ear.close()
