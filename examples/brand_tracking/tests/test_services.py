"""Schedules made in the admin's forms, fired and run by both services as they run on a server."""

import html
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from examples.brand_tracking import store
from examples.brand_tracking.setup import set_up
from examples.common.database import Connection
from examples.conftest import Python
from hourhand.embedded.child import bound_command
from hourhand.settings import load_settings
from hourhand.transport import connect
from tests.admin.house import House, Person, open_house
from tests.support import eventually

HERE = Path(__file__).parents[1]
CHECKOUT = HERE.parents[1]
SERVICES = (("scheduler",), ("worker", "--tasks", "examples.brand_tracking.tasks"))


@pytest.fixture
def house(url: str) -> Iterator[House]:
    """The admin, as on one's own machine: all it shares with the services is the database."""
    settings = load_settings(database_url=url)
    transport = connect(settings, application_name="hourhand-tests")
    try:
        with open_house(settings, transport) as house:
            yield house
    finally:
        transport.close()


@pytest.fixture
def services(url: str, site: str, tmp_path: Path) -> Iterator[Path]:
    """Both of them; where their logs are."""
    with ExitStack() as stack:
        for service in SERVICES:
            log = stack.enter_context((tmp_path / f"job-{service[0]}.log").open("wb"))
            command = bound_command([sys.executable, "-m", "hourhand", *service])
            process = subprocess.Popen(command, cwd=CHECKOUT, env=os.environ, stdout=log, stderr=log)
            stack.callback(process.wait, 30)
            stack.callback(process.send_signal, signal.SIGTERM)
        yield tmp_path


def create(person: Person, name: str, brand: str) -> None:
    """Fill in the form of a new schedule, with the fields of the task's payload."""
    page = person.get("/schedule/new", task="data-collection-and-scoring").text
    assert 'name="payload.brand"' in page
    fields = {"name": name, "task": "data-collection-and-scoring", "kind": "every", "every": "2s"}
    answer = person.post("/schedule/new", step="save", **fields, **{"payload.brand": brand})
    assert answer.status_code == 303, answer.text


def history(person: Person, name: str) -> str:
    """The words of a schedule's page."""
    text = re.sub(r"<[^>]+>", " ", person.get(f"/schedules/{name}").text)
    return " ".join(html.unescape(text).split())


@pytest.mark.slow
def test_what_is_scheduled_in_the_admin_is_collected_scored_and_told_with_its_errors(
    url: str, db: Connection, house: House, services: Path
) -> None:
    set_up(url)
    person = house.person("operator")
    eventually(lambda: "payload.brand" in person.get("/schedule/new?task=data-collection-and-scoring").text)
    create(person, "fjordkaffe", "Fjordkaffe")
    create(person, "quiet", "Quiet Roasters")
    eventually(lambda: "completed" in history(person, "fjordkaffe"), 60, interval=0.2)
    eventually(lambda: "brand has no active queries" in history(person, "quiet"), 60, interval=0.2)
    assert [each.brand for each in store.standings(db)] == ["Fjordkaffe"]
    scheduler, worker = ((services / f"job-{service[0]}.log").read_text() for service in SERVICES)
    assert "started. Polling every 60 seconds" in scheduler
    assert re.search(r"\[Scheduler\] Found \d due job\(s\) to enqueue", scheduler)
    assert "started. Polling every 30 seconds" in worker
    assert "[Worker] Processing job run" in worker


def test_the_settings_of_the_services_are_understood_comments_and_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_bytes((HERE / "env.example").read_bytes())
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "HOURHAND_TRANSPORT", "SUPABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    assert settings.database == "supabase"
    assert settings.tasks == ("examples.brand_tracking.tasks",)
    polls = (settings.scheduler_poll, settings.worker_poll)
    assert polls == (timedelta(seconds=60), timedelta(seconds=30))
    assert (settings.scheduler_batch, settings.worker_batch) == (25, 5)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "pm2",
            ("'job-scheduler', 'scheduler', '500M'", "'job-worker', 'worker', '1G'", "autorestart: true"),
        ),
        ("systemd", ("job-scheduler.service", "job-worker.service", "Restart=always", "RestartSec=10")),
    ],
)
def test_the_files_of_a_supervisor_are_printed_for_the_project(
    kind: str, expected: tuple[str, ...], tmp_path: Path, python: Python
) -> None:
    done = python("hourhand", "deploy", kind, "--project", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout
    assert [words for words in expected if words not in done.stdout] == []
