"""`hourhand admin`: serves the application until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from contextlib import closing
from types import FrameType

import uvicorn
from fastapi import FastAPI

from hourhand import log
from hourhand.errors import BadInput, BadSetting, HourhandError
from hourhand.settings import Settings, load_settings
from hourhand.transport import Transport, connect
from hourhand_admin.web.access import passwords
from hourhand_admin.web.app import create_app
from hourhand_admin.web.closing import Closing
from hourhand_admin.web.presence import Presence

APPLICATION = "hourhand-admin"
USER = "admin"
"""Who logs in with HOURHAND_ADMIN_PASSWORD."""
_PATIENCE = 5.0  # seconds: then a page says that the database does not answer
_KEEP_ALIVE = 75  # seconds: longer than proxies keep a connection, or they write into one that just closes
_LAST_ANSWERS_WITHIN = 3  # seconds


def run(host: str, port: int, root_path: str = "", **overrides: object) -> None:
    """Until TERM or INT. Raises BadSetting, and HourhandError when the address cannot be used."""
    settings = load_settings(**overrides)
    log.configure(settings, "admin")
    with (
        listening(host, port) as ear,
        closing(connect(settings, application_name=APPLICATION, patience=_PATIENCE)) as transport,
    ):
        if not _is_loopback(host):
            require_credentials(settings, transport, host)
        set_password(settings, transport)
        app = create_app(settings, transport)
        presence = Presence(settings, transport)
        presence.begin()
        try:
            address = f"http://{_shown(host)}:{ear.getsockname()[1]}{root_path}"
            log.event("admin.started", message=f"{address} is open", address=address)
            _Server(app, root_path.rstrip("/"), app.state.closing).run([ear])
        finally:
            presence.end()


def listening(host: str, port: int) -> socket.socket:
    """Raises HourhandError when the address cannot be used."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ear = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise HourhandError(
            f"cannot listen at {_shown(host)}:{port}: {error.strerror}",
            "Choose another one with --host and --port.",
        ) from None
    # asyncio does this only where a socket names its protocol, and this one does not. Else the second part of
    # an answer waits, for 40 ms as a rule, until the other side has acknowledged the first.
    ear.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ear


def set_password(settings: Settings, transport: Transport) -> None:
    """HOURHAND_ADMIN_PASSWORD is that of the user `admin`, whatever it was before. Raises BadSetting."""
    if settings.admin_password is None:
        return
    password = settings.admin_password.get_secret_value()
    user = transport.call("find_user", {"p_name": USER})
    if not passwords.is_right(password, user["password_hash"]) or user["role"] != "admin":
        try:
            password_hash = passwords.hash_password(password)
        except BadInput as error:
            raise BadSetting(f"HOURHAND_ADMIN_PASSWORD is no {error.message}") from None
        transport.call("put_user", {"p_name": USER, "p_role": "admin", "p_password_hash": password_hash})


def require_credentials(settings: Settings, transport: Transport, host: str) -> None:
    """Raises BadSetting when nobody could log in: then it has no business in a network."""
    configured = (settings.admin_password, settings.api_token, settings.jwt_secret, settings.jwks_url)
    if any(configured) or transport.call("list_users")["users"]:
        return
    raise BadSetting(
        f"{host} can be reached from other machines, and there are no credentials yet",
        "Make a user: `hourhand user add NAME --role admin`. Or set HOURHAND_ADMIN_PASSWORD,"
        " HOURHAND_API_TOKEN, SUPABASE_JWT_SECRET or SUPABASE_JWKS_URL. Or listen at 127.0.0.1.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Server(uvicorn.Server):
    """Ends in order after TERM or INT, and tells streams at once.

    HUP opens the log anew, USR1 tells what it is doing.
    """

    def __init__(self, app: FastAPI, root_path: str, closing: Closing) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                root_path=root_path,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_LAST_ANSWERS_WITHIN,
            )
        )
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        for name, act in (("SIGHUP", log.reopen), ("SIGUSR1", self._tell)):
            if hasattr(signal, name):
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), act)
        await super().startup(sockets)

    def _tell(self) -> None:
        connections, requests = len(self.server_state.connections), self.server_state.total_requests
        message = f"State: {connections} connection(s), {requests} request(s) so far"
        log.event("admin.state", message=message, connections=connections, requests=requests)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # Not uvicorn's: it raises the signal once more in the end, and the session would stay open.
        self._closing.begin()
        self.should_exit = True
