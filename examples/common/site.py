"""A web site on the loopback that serves the files of a directory, so that an example needs no network."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Files(SimpleHTTPRequestHandler):
    """Its pages say their encoding themselves, rightly or not."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving(directory: Path, handler: type[Files] = Files, port: int = 0) -> Iterator[str]:
    """The address of the site, while it is up."""
    with ThreadingHTTPServer(("127.0.0.1", port), partial(handler, directory=str(directory))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
