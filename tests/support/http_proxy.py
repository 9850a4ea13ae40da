"""A network between client and PostgREST that fails on demand, a request at a time."""

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body>Something is wrong.</body></html>"
HTML = {"Content-Type": "text/html"}
Answer = tuple[int, Mapping[str, str], bytes]


class Exchange(BaseHTTPRequestHandler):
    """One request, and what becomes of it. Connections are kept alive, as gateways do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "HttpProxy"
    body = b""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests += 1
        (self.server.next_fault() or passes)(self)

    do_GET = do_POST  # noqa: N815  (the name that the base class looks for)

    def forward(self) -> Answer:
        upstream = HTTPConnection(self.server.upstream, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            upstream.request(self.command, self.path, self.body, {**headers, "Connection": "close"})
            response = upstream.getresponse()
            return response.status, {"Content-Type": response.headers["Content-Type"]}, response.read()
        except OSError:
            return 502, HTML, PAGE
        finally:
            upstream.close()

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self, *, reset: bool = False) -> None:
        """Ends the connection without a word of HTTP."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        return

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()


Fault = Callable[[Exchange], None]


class HttpProxy(ThreadingHTTPServer):
    """Passes requests on to `upstream`, until `fault` says for one of them what becomes of it instead."""

    daemon_threads = True
    block_on_close = False
    faults: ClassVar[tuple[Fault, ...]] = ()

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.upstream = urlsplit(url).netloc
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests = 0
        self.closing = threading.Event()
        self.next_fault: Callable[[], Fault | None] = lambda: None
        """Asked for each request; None lets it pass."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def fail(self, fault: Fault, share: float = 1.0, *, seed: int = 0) -> None:
        """From now on this share of requests, chosen at random."""
        chance = random.Random(seed)
        self.next_fault = lambda: fault if chance.random() < share else None

    def fail_next(self, *faults: Fault) -> None:
        """The next requests, one each."""
        left = iter(faults)
        self.next_fault = lambda: next(left, None)

    def handle_error(self, *_: Any) -> None:
        """A client that has hung up is what this is for."""

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


# --- What may become of a request ---


def passes(exchange: Exchange) -> None:
    exchange.answer(*exchange.forward())


def loses_the_answer(exchange: Exchange) -> None:
    """It is done, and committed; nobody hears of it."""
    exchange.forward()
    exchange.hang_up()


def cuts_the_answer(exchange: Exchange) -> None:
    status, headers, body = exchange.forward()
    exchange.send_response(status)
    exchange.send_header("Content-Type", headers["Content-Type"])
    exchange.send_header("Content-Length", str(len(body)))
    exchange.end_headers()
    exchange.wfile.write(body[: len(body) // 2])
    exchange.hang_up()


def resets(exchange: Exchange) -> None:
    exchange.hang_up(reset=True)


def ends_the_connection_afterwards(exchange: Exchange) -> None:
    """Unannounced, as a gateway that is replaced; over HTTP/2 it would be a GOAWAY."""
    passes(exchange)
    exchange.hang_up(reset=exchange.server.requests % 2 == 0)


def is_half_open(exchange: Exchange) -> None:
    """Nothing ever comes back, and nobody ends the connection."""
    exchange.server.closing.wait(60)
    exchange.hang_up()


def is_slow(exchange: Exchange) -> None:
    answer = exchange.forward()
    exchange.server.closing.wait(0.2)
    exchange.answer(*answer)


def answers(status: int, headers: Mapping[str, str] = HTML, body: bytes = PAGE) -> Fault:
    return lambda exchange: exchange.answer(status, headers, body)


def says(status: int, message: bytes) -> Fault:
    """A gateway's own error, in JSON."""
    return answers(status, {"Content-Type": "application/json"}, message)


bad_gateway = answers(502)
unavailable = answers(503)
page = answers(200)
too_many = answers(429, {**HTML, "Retry-After": "1"})


@contextmanager
def http_proxy(url: str) -> Iterator[HttpProxy]:
    it = HttpProxy(url)
    try:
        yield it
    finally:
        it.close()
