"""`hourhand admin` as a process: it starts, is seen alive, and stops in order."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi.responses import StreamingResponse

from hourhand.errors import BadSetting
from hourhand.settings import load_settings
from hourhand.transport import Transport
from hourhand_admin.web.access.needs import Anyone
from hourhand_admin.web.serve import listening, set_password
from tests.admin.house import House
from tests.support.waiting import eventually

PATIENCE = 60.0  # seconds; usually it takes two

pytestmark = pytest.mark.timeout(180)

Start = Callable[..., Any]


@contextmanager
def admin(output: Path, database_url: str, *arguments: str, **variables: str) -> Iterator[Any]:
    """The process, and its address once it listens."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "hourhand", "admin", "--port", "0", *arguments],
            env={**os.environ, "DATABASE_URL": database_url, **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, eventually(lambda: re.search(r"(http://\S+) is open", output.read_text()), PATIENCE)[1]
    finally:
        process.kill()
        process.wait()


def sessions(transport: Transport) -> list[tuple[str, int]]:
    services = transport.call("get_status")["services"]
    return [(each["state"], each["pid"]) for each in services if each["kind"] == "admin"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_seen_alive_and_stops_in_order_although_somebody_is_connected(
    tmp_path: Path, database_url: str, transport: Transport, number: signal.Signals
) -> None:
    with admin(tmp_path / "said", database_url) as (process, address), httpx.Client(base_url=address) as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.head("/healthz").status_code == 200
        assert http.get("/readyz").json() == {"status": "ok"}
        eventually(lambda: sessions(transport) == [("alive", process.pid)], PATIENCE)
        process.send_signal(number)
        assert process.wait(15) == 0
    assert sessions(transport) == []


def test_streams_end_when_the_admin_does(house: House) -> None:
    async def stream(visit: Anyone) -> StreamingResponse:
        async def lines() -> Any:
            yield "begun\n"
            while not await visit.request.app.state.closing.wait(60):
                pass
            yield "end\n"

        return StreamingResponse(lines())

    house.app.add_api_route("/stream", stream, response_model=None)
    heard: list[str] = []

    def listen() -> None:
        with httpx.stream("GET", f"{house.url}/stream", timeout=30) as answer:
            heard.extend(answer.iter_lines())

    listener = Thread(target=listen)
    listener.start()
    eventually(lambda: house.app.state.closing._waiting)
    house.app.state.closing.begin()
    listener.join(5)
    assert heard == ["begun", "end"]


def hourhand(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hourhand", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_no_part_of_an_answer_waits_for_the_one_before_to_be_acknowledged() -> None:
    with listening("127.0.0.1", 0) as ear, socket.create_connection(ear.getsockname()):
        accepted, _ = ear.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_it_does_not_listen_to_a_network_while_nobody_could_log_in(database_url: str) -> None:
    done = hourhand("admin", "--host", "0.0.0.0", "--port", "0", DATABASE_URL=database_url)
    assert done.returncode == 78
    assert "hourhand user add" in done.stderr
    assert "127.0.0.1" in done.stderr


def test_with_a_password_it_listens_to_a_network(
    tmp_path: Path, database_url: str, transport: Transport
) -> None:
    secret = "a password of the settings"
    said = tmp_path / "said"
    with admin(said, database_url, "--host", "0.0.0.0", HOURHAND_ADMIN_PASSWORD=secret):
        assert [user["name"] for user in transport.call("list_users")["users"]] == ["admin"]
        assert secret not in said.read_text()


def test_a_password_that_is_too_short_is_a_wrong_setting(transport: Transport) -> None:
    """Not an error that is gone when a supervisor starts it again."""
    with pytest.raises(BadSetting, match="HOURHAND_ADMIN_PASSWORD is no password: 8 to 1000 characters"):
        set_password(load_settings(admin_password="short"), transport)


def test_a_port_that_is_taken_is_said(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = hourhand("admin", "--port", str(port), DATABASE_URL=database_url)
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_it_starts_and_says_so_while_the_database_is_away(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with admin(tmp_path / "said", nowhere) as (process, address), httpx.Client(base_url=address) as http:
        assert http.get("/healthz").status_code == 200
        away = http.get("/readyz", timeout=30)
        assert (away.status_code, away.json()["reason"]) == (503, "Unavailable")
        page = http.get("/login", headers={"accept": "text/html"}, timeout=30)
        assert page.status_code == 200
        runs = http.get("/runs", headers={"accept": "text/html", "cookie": "hourhand_login=x"}, timeout=30)
        assert (runs.status_code, runs.headers["retry-after"]) == (503, "5")
        assert "The database did not answer" in runs.text
        assert "nothing" not in runs.text
        process.terminate()
        assert process.wait(15) == 0
