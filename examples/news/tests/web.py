"""A web server on the loopback that answers as it is told, and remembers what it was asked."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0  # seconds before each byte


@dataclass
class Web:
    """`answers` maps a path to an answer, or to what makes one of the request's headers."""

    port: int = 0
    answers: dict[str, Answer | Callable[[Mapping[str, str]], Answer]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append((path, headers))
        answer = self.answers.get(path, Answer(status=404))
        return answer if isinstance(answer, Answer) else answer(headers)


def unchanged_since(etag: str, last_modified: str, fresh: Answer) -> Callable[[Mapping[str, str]], Answer]:
    """Answers as a server that supports conditional requests."""

    def answer(headers: Mapping[str, str]) -> Answer:
        if headers.get("If-None-Match") == etag and headers.get("If-Modified-Since") == last_modified:
            return Answer(status=304)
        return Answer(fresh.body, headers={"ETag": etag, "Last-Modified": last_modified, **fresh.headers})

    return answer


@contextmanager
def serving() -> Iterator[Web]:
    web, pausing = Web(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = web.answer(self.path, dict(self.headers))
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.send_body(answer)

        def send_body(self, answer: Answer) -> None:
            if not answer.pause:
                self.wfile.write(answer.body)
                return
            with suppress(ConnectionError):  # the client has had enough
                for byte in answer.body:
                    pausing.wait(answer.pause)
                    self.wfile.write(bytes([byte]))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: `web.asked` has it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield web
        finally:
            pausing.set()
            server.shutdown()
            thread.join()
