"""An admin to scrape, a worker's hand, and real servers that alerts and pings are sent to."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from hourhand.alerts.watch import Watch
from hourhand.settings import load_settings
from hourhand.transport import Transport
from tests.admin.conftest import add_schedule, house, settings
from tests.sql.conftest import Hand, end_lease, enqueue, hand

__all__ = ["Hand", "add_schedule", "end_lease", "enqueue", "hand", "house", "settings"]


@dataclass
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An HTTP server that keeps what was posted. It answers with `status`."""

    url: str = ""
    status: int = 200
    posted: list[Posted] = field(default_factory=list)

    def keys(self) -> list[str]:
        return [each.headers["idempotency-key"] for each in self.posted]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posted.append(Posted(self.path, headers, body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    thread.join(10)
    server.server_close()


class Mailbox:
    """What a mail server has taken."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.url = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as ear:
        port = ear.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    mailbox.url = f"smtp://127.0.0.1:{port}?from=jobs@example.org"
    yield mailbox
    controller.stop()


@pytest.fixture
def watch(transport: Transport, database_url: str) -> Callable[..., Watch]:
    """A daemon's watch: `watch(alert_webhook=receiver.url)`."""

    def watch(**given: object) -> Watch:
        settings = load_settings(database_url=database_url, transport="postgres", **given)
        return Watch(transport, settings, pause=0.0)

    return watch


@pytest.fixture
def time_passes(sql: Callable[..., Any]) -> Callable[[], None]:
    """What waits in the outbox is due now."""

    def time_passes() -> None:
        sql(
            "update hourhand_parts.messages set due_at = hourhand.clock() - interval '1 s' where due_at is not null"
        )

    return time_passes
