"""Triggered by the API's code and by REST, and followed as a page does: API and admin as real programs."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from examples.stories.tests.conftest import Work
from hourhand import Client
from tests.support.programs import CHROMIUM_FLAGS, chromium
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow  # each starts two or three programs

PATIENCE = 20_000  # milliseconds
TOKEN = "a token that is long enough for anybody"  # noqa: S105


@contextmanager
def program(address: str, *arguments: str) -> Iterator[str]:
    """Runs a module that serves at `address`, until the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: _answers(address), timeout=60)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _answers(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(address).status_code < 500
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def admin(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("HOURHAND_API_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    port = free_port()
    with program(f"http://127.0.0.1:{port}", "hourhand", "admin", "--port", str(port)) as address:
        monkeypatch.setenv("HOURHAND_ADMIN_URL", address)
        yield address


@pytest.fixture
def api(admin: str) -> Iterator[str]:
    port = free_port()
    arguments = ("uvicorn", "examples.stories.api:app", "--port", str(port))
    with program(f"http://127.0.0.1:{port}", *arguments) as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield browser.new_page()
        browser.close()


def test_a_page_shows_how_it_is_with_what_the_api_triggered(
    page: Page, api: str, work: Work, site: str
) -> None:
    page.goto(api)
    page.get_by_label("Address").fill(f"{site}/bridge.html")
    page.get_by_role("button").click()
    told = page.get_by_role("status")
    expect(told).to_have_text("Status: QUEUED ", timeout=PATIENCE)
    work()
    expect(told).to_have_text('Done! Result: {"source_id":1}', timeout=PATIENCE)


def test_the_api_passes_on_what_a_run_token_opens_and_nothing_else(api: str, site: str) -> None:
    made = httpx.post(f"{api}/sources", json={"url": f"{site}/bridge.html"}, timeout=30).json()
    events = f"{api}/jobs/api/v1/events"
    with httpx.stream(
        "GET", events, params={"run": made["id"], "token": made["token"]}, timeout=30
    ) as stream:
        assert stream.status_code == 200
        assert any("pending" in part for part in stream.iter_text())
    assert httpx.get(events, params={"run": made["id"] + 1, "token": made["token"]}).status_code == 403
    assert httpx.get(events, params={"run": made["id"], "token": "guessed"}).status_code == 401
    assert httpx.get(f"{api}/jobs/api/v1/runs").status_code == 404
    assert httpx.post(f"{api}/sources", json={"url": "no address"}).status_code == 422


def test_a_task_is_triggered_by_rest_with_a_token(admin: str, client: Client, work: Work, site: str) -> None:
    work()  # so that the tasks are known
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    wanted = {"taskId": "ingest-oneoff", "payload": {"url": f"{site}/bridge.html"}}
    assert httpx.post(f"{admin}/trigger", json=wanted).status_code == 401
    answer = httpx.post(f"{admin}/trigger", json=wanted, headers=bearer)
    assert answer.is_success, answer.text
    run = f"{admin}/trigger/runs/{answer.json()['id']}"
    assert httpx.get(run, headers=bearer).json()["status"] == "QUEUED"
    work()
    told = httpx.get(run, headers=bearer).json()
    assert (told["status"], told["output"], told["error"]) == ("COMPLETED", {"source_id": 1}, None)
    stream = httpx.get(f"{admin}/jobs/stream/{answer.json()['id']}", headers=bearer, timeout=20)
    assert '"COMPLETED"' in stream.text
    wrong = {"taskId": "ingest-oneoff", "payload": {"url": "no address"}}
    assert httpx.post(f"{admin}/trigger", json=wrong, headers=bearer).status_code == 422
    unknown = {"taskId": "nothing", "payload": {}}
    assert httpx.post(f"{admin}/trigger", json=unknown, headers=bearer).status_code == 404
