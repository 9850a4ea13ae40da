"""Programs that tell when they run, and schedules whose runs are told elsewhere."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from hourhand.alerts.watch import Watch
from hourhand.cli import main
from hourhand.transport import Transport
from tests.admin.house import House
from tests.monitoring.conftest import Receiver
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]


@pytest.fixture
def tell(house: House) -> Callable[..., int]:
    """Calls an address of a ping as nobody in particular: `tell(ping, "/start")`; the status."""
    program = house.program(None)

    def tell(ping: str, signal: str = "", method: str = "GET", **how: Any) -> int:
        return program.ask(method, f"/api/v1/ping/{ping}{signal}", **how).status_code

    return tell


@pytest.fixture
def ping(transport: Transport) -> str:
    """The id of a ping that is expected hourly."""
    ping_id: str = transport.call("put_ping", {"p_name": "backup", "p_every": "1 hour"})["id"]
    return ping_id


def runs(transport: Transport) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = transport.call("list_runs")["runs"]
    return found


def state(transport: Transport) -> str:
    (ping,) = transport.call("list_pings")["pings"]
    said: str = ping["state"]
    return said


def test_a_cron_job_appears_in_the_history(tell: Callable[..., int], ping: str, transport: Transport) -> None:
    assert state(transport) == "new"
    assert tell(ping, "/start") == 200
    assert runs(transport) == []
    assert tell(ping) == 200
    (run,) = runs(transport)
    assert (run["task"], run["status"], run["trigger"], run["queue"]) == (
        "backup",
        "completed",
        "ping",
        "ping",
    )
    assert run["started_at"] < run["finished_at"]
    assert state(transport) == "up"
    assert transport.call("get_run", {"p_run_id": run["id"]})["status"] == "completed"


@pytest.mark.parametrize(
    ("signal", "status", "error"),
    [
        ("/0", "completed", None),
        ("/2", "failed", "exit status 2"),
        ("/fail", "failed", "told that it failed"),
    ],
)
def test_it_tells_how_it_ended(
    tell: Callable[..., int],
    ping: str,
    transport: Transport,
    signal: str,
    status: str,
    error: str | None,
) -> None:
    assert tell(ping, signal) == 200
    (run,) = runs(transport)
    assert (run["status"], run["error"]) == (status, error)


def test_what_is_posted_is_kept(tell: Callable[..., int], ping: str, transport: Transport) -> None:
    assert tell(ping, "/1", "POST", content=b"disk full\0" + b"x" * 20_000) == 200
    (run,) = runs(transport)
    assert run["error"].startswith("disk full")
    result = transport.call("get_run", {"p_run_id": run["id"]})["result"]
    assert len(result["note"]) == 9_999


def test_an_unknown_id_and_an_unknown_signal_are_refused(tell: Callable[..., int], ping: str) -> None:
    assert tell(str(uuid.uuid4())) == 404
    assert tell("not-a-uuid") == 422
    assert tell(ping, "/whatever") == 422


def test_a_ping_that_does_not_come_makes_an_alert_and_its_return_ends_it(
    tell: Callable[..., int], ping: str, watch: Callable[..., Watch], receiver: Receiver, sql: Sql
) -> None:
    daemon = watch(alert_webhook=receiver.url)
    daemon.look()
    sql("update hourhand_parts.pings set created_at = created_at - interval '65 minutes'")
    daemon.look()
    assert receiver.posted == [], "a tenth of the time is grace"
    sql("update hourhand_parts.pings set created_at = created_at - interval '2 minutes'")
    daemon.look()
    tell(ping)
    daemon.look()
    bodies = [json.loads(each.body) for each in receiver.posted]
    assert [(each["event"], each["subject"]) for each in bodies] == [
        ("alert.opened", "ping backup"),
        ("alert.recovered", "ping backup"),
    ]
    assert "has not been heard of since" in bodies[0]["summary"]


def test_a_ping_that_tells_of_a_failure_makes_an_alert(
    tell: Callable[..., int], ping: str, watch: Callable[..., Watch], receiver: Receiver
) -> None:
    tell(ping, "/fail")
    watch(alert_webhook=receiver.url).look()
    assert json.loads(receiver.posted[0].body)["summary"] == "backup has told that it failed"


# --- Outgoing ---


@pytest.fixture
def nightly(
    add_schedule: Callable[..., int], transport: Transport, receiver: Receiver, hand: Callable[..., Hand]
) -> Hand:
    """A schedule that tells the receiver, and who runs it."""
    add_schedule("nightly")
    transport.call("set_ping_target", {"p_schedule": "nightly", "p_url": f"{receiver.url}/"})
    return hand("task")


def begin(transport: Transport, worker: Hand) -> dict[str, Any]:
    transport.call("trigger_schedule", {"p_schedule": "nightly"})
    (run,) = worker.runs()
    return run


def test_the_runs_of_a_schedule_are_told_in_order_and_once(
    nightly: Hand, transport: Transport, watch: Callable[..., Watch], receiver: Receiver
) -> None:
    daemons = watch(), watch()
    run = begin(transport, nightly)
    for daemon in daemons:
        daemon.look()
    assert [each.path for each in receiver.posted] == ["/hook/start"]
    nightly.finish(run)
    failing = begin(transport, nightly)
    nightly.finish(failing, outcome="failed", error={"class": "Refused", "message": "no"})
    for daemon in daemons * 2:
        daemon.look()
    assert [each.path for each in receiver.posted] == ["/hook/start", "/hook", "/hook/start", "/hook/fail"]
    assert receiver.posted[-1].body == b"Refused: no"
    assert len(set(receiver.keys())) == 4


def test_runs_of_before_are_not_told_and_nothing_is_when_the_target_is_gone(
    nightly: Hand, transport: Transport, watch: Callable[..., Watch], receiver: Receiver
) -> None:
    transport.call("set_ping_target", {"p_schedule": "nightly"})
    run = begin(transport, nightly)
    nightly.finish(run)
    watch().look()
    transport.call("set_ping_target", {"p_schedule": "nightly", "p_url": receiver.url})
    watch().look()
    assert receiver.posted == []


# --- Commands ---


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Callable[..., Any]:
    """Runs a command of hourhand on the test's database."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def command(*words: str) -> Any:
        return CliRunner().invoke(main, list(words))

    return command


def test_pings_are_added_listed_and_removed_by_command(
    command: Callable[..., Any], tell: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOURHAND_ADMIN_URL", "https://jobs.example.org/admin/")
    added = command("ping", "add", "backup", "--every", "1d", "--grace", "1h")
    address = added.stdout.strip()
    assert address.startswith("https://jobs.example.org/admin/api/v1/ping/")
    assert tell(address.rpartition("/")[2], "/0") == 200
    (listed,) = json.loads(command("ping", "list", "--json").stdout)["pings"]
    assert (listed["name"], listed["state"], listed["every"], listed["grace"]) == (
        "backup",
        "up",
        86400,
        3600,
    )
    assert "backup" in command("ping", "list").stdout
    assert command("ping", "remove", "backup").exit_code == 0
    assert command("ping", "remove", "backup").exit_code == 1
    assert command("ping", "add", "new").exit_code != 0
    monkeypatch.delenv("HOURHAND_ADMIN_URL")
    added = command("ping", "add", "new", "--every", "1h")
    assert added.stdout.startswith("http://127.0.0.1:8000/api/v1/ping/")
    assert "HOURHAND_ADMIN_URL says where it is" in added.stderr


def test_a_schedule_is_pointed_by_command(
    command: Callable[..., Any], add_schedule: Callable[..., int]
) -> None:
    add_schedule("nightly")
    assert command("ping", "point", "nightly", "https://hc.example.org/x").exit_code == 0
    (target,) = json.loads(command("ping", "list", "--json").stdout)["targets"]
    assert target == {"schedule": "nightly", "url": "https://hc.example.org/x"}
    assert command("ping", "point", "nightly", "ftp://hc.example.org/x").exit_code != 0
    assert command("ping", "point", "nightly").exit_code == 0
    assert json.loads(command("ping", "list", "--json").stdout)["targets"] == []


def test_alerts_can_be_tested_by_command(
    command: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = command("alert", "test")
    assert without.exit_code == 1
    assert "HOURHAND_ALERT_WEBHOOK" in without.stderr
    monkeypatch.setenv("HOURHAND_ALERT_WEBHOOK", receiver.url)
    tested = command("alert", "test", "--json")
    assert tested.exit_code == 0
    assert "webhook: delivered" in tested.stderr
    assert len(receiver.posted) == 1
    receiver.status = 500
    failed = command("alert", "test")
    assert failed.exit_code == 1
    assert failed.stderr == "webhook: failed: 127.0.0.1 answered 500\n"
    assert "This is a test" in command("alert", "list").stdout


def test_the_doctor_tells_of_a_destination_that_cannot_be_reached(
    command: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOURHAND_ALERT_WEBHOOK", receiver.url)
    receiver.status = 404
    command("alert", "test")
    findings = json.loads(command("doctor", "--json").stdout)["findings"]
    (finding,) = [each for each in findings if each["id"] == "undelivered-alerts"]
    assert finding["what"] == "1 message to webhook could not be delivered: 127.0.0.1 answered 404"


def test_the_doctor_takes_back_all_that_is_processing(
    command: Callable[..., Any], hand: Callable[..., Hand], enqueue: Callable[..., int], sql: Sql
) -> None:
    worker = hand("task")
    for _ in range(3):
        enqueue("task")
    held = worker.runs()
    assert len(held) == 3
    assert command("doctor", "--all-processing").exit_code == 2
    assert sql("select distinct status from hourhand.job_runs") == [("processing",)]
    assert "took back 3 runs that were processing" in command("doctor", "--fix", "--all-processing").stderr
    assert sql("select distinct status, attempt from hourhand.job_runs") == [("pending", 0)]
    assert worker.finish(*held) == ["stale"] * 3
