"""/static/client.js, run by Node against a real admin."""

import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from hourhand.transport import Transport
from tests.admin.house import House
from tests.admin.test_events import write
from tests.support.programs import program
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "admin" / "hourhand_admin" / "web" / "static" / "client.js"


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Node takes a file for a module by its name."""
    program("node")
    copy = tmp_path_factory.mktemp("client") / "client.mjs"
    shutil.copy(CLIENT, copy)
    return copy


def follow(module: Path, house: House, run_id: int, token: str) -> list[list[Any]]:
    """What its handlers hear until it has nothing more to wait for."""
    done = subprocess.run(
        [
            "node",
            str(Path(__file__).with_name("follow.mjs")),
            str(module),
            f"{house.url}/",
            str(run_id),
            token,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def token_for(house: House, run_id: int) -> str:
    made = house.program("viewer").ask("POST", f"/api/v1/runs/{run_id}/token")
    token: str = made.json()["token"]
    return token


def test_it_hears_everything_once_although_its_stream_is_cut_again_and_again(
    house: House,
    transport: Transport,
    enqueue: Any,
    hand: Any,
    module: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.stream.LONGEST", 0.1)
    run_id, worker = enqueue(), hand()
    [run] = worker.runs()
    heard: list[list[Any]] = []
    following = threading.Thread(
        target=lambda: heard.extend(follow(module, house, run_id, token_for(house, run_id)))
    )
    following.start()
    hub = house.app.state.live
    for number in range(1, 41, 5):
        eventually(lambda: hub.streams == 1, 20)
        write(transport, worker, run, *(str(number + i) for i in range(5)), first=number)
        eventually(lambda: hub.streams == 0, 20)
    worker.finish(run, result={"items": 40})
    following.join(60)
    assert [line["message"] for kind, line in heard if kind == "log"] == [str(n) for n in range(1, 41)]
    assert [run["status"] for kind, run in heard if kind == "update"] == ["processing", "completed"]
    assert [(kind, data["result"]) for kind, data in heard if kind == "end"] == [("end", {"items": 40})]


def test_it_says_when_it_may_not_follow(house: House, enqueue: Any, module: Path) -> None:
    run_id = enqueue()
    [(kind, status, message)] = follow(module, house, run_id, "made up")
    assert (kind, status) == ("error", 401)
    assert "token" in message


def test_it_is_live_when_something_has_come_and_no_more_in_silence(module: Path, tmp_path: Path) -> None:
    """A proxy may pass the beginning of an answer on, and keep the rest to itself."""
    hasty = tmp_path / "hasty.mjs"
    hasty.write_text(module.read_text("utf-8").replace("SILENCE = 45000", "SILENCE = 50"), "utf-8")
    script = """
        const { subscribe } = await import(process.argv[1]);
        for (const first of [null, ": hourhand"]) {
          globalThis.fetch = async () =>
            new Response(new ReadableStream({ start: (s) => first && s.enqueue(new TextEncoder().encode(first)) }));
          await new Promise((resolve) => {
            const stop = subscribe({}, {}, {
              base: "http://x/",
              onLive(live) {
                console.log(JSON.stringify(live));
                if (!live) resolve(stop());
              },
            });
          });
        }
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script, str(hasty)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["false", "true", "false"]


def test_a_stream_that_falls_silent_is_opened_anew(
    house: House, enqueue: Any, hand: Any, module: Path, tmp_path: Path
) -> None:
    """As one that is gone without a word: here the server says for 15 seconds that it is there, if nothing else."""
    hasty = tmp_path / "hasty.mjs"
    text = module.read_text("utf-8")
    assert "SILENCE = 45000" in text
    hasty.write_text(text.replace("SILENCE = 45000", "SILENCE = 300"), "utf-8")
    run_id, worker, opened = enqueue(), hand(), []
    hub = house.app.state.live
    place = hub.place
    hub.place = lambda runs: opened.append(runs) or place(runs)
    heard: list[list[Any]] = []
    token = token_for(house, run_id)
    following = threading.Thread(target=lambda: heard.extend(follow(hasty, house, run_id, token)))
    following.start()
    eventually(lambda: len(opened) >= 3, 20)
    worker.finish(*worker.runs())
    following.join(60)
    assert [kind for kind, _ in heard][-1] == "end"
    assert [run["status"] for kind, run in heard if kind == "update"][-1] == "completed"
