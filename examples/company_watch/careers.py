"""The site of the example: the job pages of a few companies; one is down, and one closed to readers."""

from http import HTTPStatus
from pathlib import Path

from examples.common.site import Files

PAGES = Path(__file__).parent / "site"


class Careers(Files):
    def do_GET(self) -> None:  # noqa: N802  (the name is the library's)
        if self.path.startswith("/shut-down/"):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        elif self.path.startswith("/closed-gate/"):
            self._refuse(HTTPStatus.FORBIDDEN)
        else:
            super().do_GET()

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()
