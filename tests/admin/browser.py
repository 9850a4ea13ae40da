"""A real browser for tests: Debian's chromium, driven by playwright.

    def test_it(house, browser):
        with browser.visit(house, role="operator") as page:
            page.open("/schedules")
            page.at.get_by_role("link", name="news").click()      # `at` is playwright's page
            page.is_accessible()                                  # axe, as it stands

When the visit ends, the test fails for everything the browser complained about: errors on the console, uncaught
errors, breaches of the content security policy, answers of 400 and more, requests to other hosts. A test that
provokes an error says so: `page.expect(404)`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Request, Response, sync_playwright

from hourhand_admin.web.access.identity import LOGIN_COOKIE
from tests.admin.house import House
from tests.support.programs import CHROMIUM_FLAGS, chromium

PATIENCE = 20_000  # milliseconds
ELSEWHERE = "request to another host"

Scheme = Literal["light", "dark"]


@dataclass
class Visited:
    """One tab. `at` is playwright's page."""

    at: Page
    house: House
    complaints: list[str] = field(default_factory=list)
    weight: int = 0
    """Bytes of the page and all that belongs to it, since the last `open`; headers, and what scripts ask for
    later, are left out."""
    _expected: set[int] = field(default_factory=set)

    def open(self, path: str) -> None:
        """Go there, and wait until the page and what belongs to it are loaded."""
        self.weight = 0
        self.at.goto(self.house.url + path)

    def tab(self) -> "Visited":
        """Another tab of the same browser; what it complains about counts here."""
        tab = Visited(self.at.context.new_page(), self.house, self.complaints, _expected=self._expected)
        tab.watch()
        return tab

    def expect(self, status: int) -> None:
        """An answer with this status is what the test wants."""
        self._expected.add(status)

    def barriers(self, *rules: str) -> list[str]:
        """Each violation that axe finds, with the element: of these rules, or of all."""
        options = {"runOnly": list(rules)} if rules else None
        found = Axe().run(self.at, options=options).response["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    def is_accessible(self) -> None:
        assert self.barriers() == [], self.at.url

    def breaches(self) -> list[str]:
        """What the content security policy has kept from happening."""
        return [complaint for complaint in self.complaints if "Content Security Policy" in complaint]

    def elsewhere(self) -> list[str]:
        return [complaint for complaint in self.complaints if ELSEWHERE in complaint]

    def watch(self) -> None:
        self.at.on("console", lambda said: self._said(said.type, said.text))
        self.at.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.at.on("response", self._answered)
        self.at.on("request", self._asked)

    def _said(self, kind: str, text: str) -> None:
        # That an answer was 404 is said again where the answer is counted.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.complaints.append(f"console {kind}: {text}")

    def _answered(self, response: Response) -> None:
        if response.request.resource_type != "fetch":
            self.weight += int(response.headers.get("content-length", 0))
        if response.status >= 400 and response.status not in self._expected:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.house.url, "data:", "blob:")):
            self.complaints.append(f"{ELSEWHERE}: {request.url}")


class Browser:
    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    @contextmanager
    def visit(
        self, house: House, role: str | None = "admin", *, scheme: Scheme = "light", **how: Any
    ) -> Iterator[Visited]:
        """A tab of somebody with this role. `how` goes to playwright's new_context: viewport, locale …"""
        context = self._chromium.new_context(color_scheme=scheme, **how)
        context.set_default_timeout(PATIENCE)
        if role:
            cookie = {"name": LOGIN_COOKIE, "value": house.person(role).login, "url": house.url}
            context.add_cookies([cookie])  # type: ignore[list-item]
        page = Visited(context.new_page(), house)
        page.watch()
        try:
            yield page
        finally:
            context.close()
        assert page.complaints == []


@contextmanager
def launched() -> Iterator[Browser]:
    executable = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        try:
            yield Browser(started)
        finally:
            started.close()
