"""A web site on the loopback that serves the files of a directory, so that an example needs no network."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hourhand.errors import HourhandError


class Files(SimpleHTTPRequestHandler):
    """Its pages say their encoding themselves, rightly or not."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving(
    directory: Path, handler: type[Files] = Files, port: int = 0, *, only_there: bool = False
) -> Iterator[str]:
    """The address of the site, while it is up.

    Where somebody else has the port it is up at another one, or raises HourhandError if `only_there`.
    """
    with _server(partial(handler, directory=str(directory)), port, only_there) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _server(handler: Callable[..., Files], port: int, only_there: bool) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        if only_there:
            raise HourhandError(f"there can be no site at 127.0.0.1:{port}: {error.strerror}") from error
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)
