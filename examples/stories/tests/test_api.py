"""Triggered by the API's code and by REST, and followed as a page does: API and admin as real programs."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from examples.stories.tests.conftest import Work
from hourhand import Client
from tests.support.waiting import eventually

TOKEN = "a token that is long enough for anybody"  # noqa: S105


@contextmanager
def program(address: str, *arguments: str) -> Iterator[str]:
    """Runs a module that serves at `address`, until the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: _answers(address), timeout=30)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _answers(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(address).status_code < 500
    return False


@pytest.fixture
def free_port() -> Callable[[], int]:
    import socket

    def free_port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return free_port


@pytest.fixture
def admin(client: Client, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("HOURHAND_API_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    port = free_port()
    with program(f"http://127.0.0.1:{port}", "hourhand", "admin", "--port", str(port)) as address:
        monkeypatch.setenv("HOURHAND_ADMIN_URL", address)
        yield address


@pytest.fixture
def api(admin: str, free_port: Callable[[], int]) -> Iterator[str]:
    port = free_port()
    arguments = ("uvicorn", "examples.stories.api:app", "--port", str(port))
    with program(f"http://127.0.0.1:{port}", *arguments) as address:
        yield address


def events(text: str) -> list[tuple[str, Any]]:
    parts = (
        dict(line.split(": ", 1) for line in part.splitlines() if ": " in line) for part in text.split("\n\n")
    )
    return [(part["event"], json.loads(part["data"])) for part in parts if "event" in part]


def test_a_page_follows_what_the_api_triggered(api: str, work: Work, site: str) -> None:
    assert httpx.get(f"{api}/").status_code == 200
    assert "subscribeRun" in httpx.get(f"{api}/page.js").text
    assert "export function subscribeRun" in httpx.get(f"{api}/jobs/static/client.js").text
    made = httpx.post(f"{api}/sources", json={"url": f"{site}/bridge.html"}).json()
    wanted = {"run": made["id"], "token": made["token"]}
    states = []
    with httpx.stream("GET", f"{api}/jobs/api/v1/events", params=wanted, timeout=30) as stream:
        assert stream.status_code == 200
        parts = stream.iter_text()
        states.append(next(parts))
        work()
        states.extend(parts)
    told = [(name, data) for name, data in events("".join(states)) if name in ("run", "end")]
    assert told[0][1]["status"] == "pending"
    assert [data["status"] for name, data in told if name == "run"][-1] == "completed"
    assert told[-1][0] == "end"
    stranger = {"run": made["id"], "token": "guessed"}
    assert httpx.get(f"{api}/jobs/api/v1/events", params=stranger).status_code == 401
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
