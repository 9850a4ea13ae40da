"""An OpenAI-compatible endpoint on the loopback: answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Refusal:
    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Endpoint:
    """`reply` makes an answer, or a refusal, of the two messages of a question."""

    url: str = ""
    reply: Callable[[str, str], str | Refusal] = lambda instruction, text: "Yes."
    whole: object = None  # a whole answer to everything, such as no endpoint would give
    asked: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        return {"OPENAI_API_KEY": "a key", "OPENAI_BASE_URL": self.url, "NO_PROXY": "127.0.0.1"}


@contextmanager
def serving() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if endpoint.whole is not None:
                self.send(200, endpoint.whole)
                return
            if "input" in body:
                self.embed(body["input"])
                return
            instruction, text = (message["content"] for message in body["messages"])
            endpoint.asked.append(text)
            self.answer(endpoint.reply(instruction, text))

        def embed(self, texts: list[str]) -> None:
            """One text that is refused is the end of all."""
            replies = [endpoint.reply("embed", text) for text in texts]
            endpoint.asked.extend(texts)
            for reply in replies:
                if isinstance(reply, Refusal):
                    self.answer(reply)
                    return
            vectors = [{"index": index, "embedding": [1.0, 0.0]} for index in range(len(texts))]
            self.send(200, {"data": vectors})

        def answer(self, reply: str | Refusal) -> None:
            if isinstance(reply, Refusal):
                self.send(reply.status, {"error": {"message": reply.message}}, reply.headers)
            else:
                message = {"role": "assistant", "content": reply}
                self.send(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

        def send(self, status: int, answer: Any, headers: Mapping[str, str] | None = None) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            fixed = {"Content-Type": "application/json", "Content-Length": str(len(content))}
            for name, value in {**fixed, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: `endpoint.asked` has it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()
