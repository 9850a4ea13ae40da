"""`hourhand status`, `doctor`, `tasks`, `queue`."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from itertools import islice

import pytest

from hourhand import Client
from hourhand.transport import Transport
from tests.cli.conftest import Hourhand
from tests.support.hand import Hand

Sql = Callable[..., list[object]]


@pytest.fixture
def scheduler(transport: Transport) -> Hand:
    return Hand(transport, kind="scheduler")


def findings(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [finding["id"] for finding in answer["findings"]]


INSTANT = re.compile(r'"\d{4}-\d\d-\d\dT[^"]*"')


# --- Status ---


def test_instants_are_written_in_one_way_everywhere(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client
) -> None:
    client.schedules.create("news", "clean-news", every="1h", starts_at="2026-01-01T00:00Z")
    run = client.enqueue("clean-news").id
    hand.work()
    hourhand("queue", "pause", "default")
    hourhand("token", "create", "ci")
    for command in ("status", "run list", f"run show {run}", "run stats --by hour", "schedule list",
                    "schedule show news", "schedule next news", "schedule why news", "tasks", "queue list",
                    "token list"):  # fmt: skip
        instants = INSTANT.findall(hourhand(*command.split(), "--json").out)
        assert (command, {at[-7:] for at in instants}) == (command, {'+00:00"'})


def test_where_there_is_nothing_a_sentence_says_so(hourhand: Hourhand) -> None:
    for command in ("alert", "ping", "queue", "run", "schedule", "token", "user"):
        done = hourhand(command, "list")
        assert (done.code, done.out, done.err.startswith(("There is no", "No "))) == (0, "", True)


def test_an_alert_is_open_until_it_is_over(hourhand: Hourhand, sql: Sql) -> None:
    sql(
        "insert into hourhand_parts.alerts (rule, subject, summary, opened_at, closed_at) "
        "values ('late', 'a', 'a is late', now(), null), ('late', 'b', 'b is late', now(), now())"
    )
    told = hourhand("alert", "list").out.splitlines()
    assert ["open" in line for line in told] == [False, True, False]


def test_all_is_well_with_both_services(hourhand: Hourhand, hand: Hand, scheduler: Hand) -> None:
    done = hourhand("status")
    assert done.code == 0
    assert done.out.startswith("hourhand: ok")
    assert "scheduler-1" in done.out
    assert "worker-1" in done.out


def test_without_services_it_is_down_and_says_that_both_are_needed(hourhand: Hourhand) -> None:
    done = hourhand("status")
    assert done.code == 1
    assert done.out.startswith("hourhand: down")
    assert "Both services are needed" in done.out
    assert "hourhand scheduler" in done.out
    assert "hourhand worker" in done.out


def test_a_missing_worker_is_down_too(hourhand: Hourhand, scheduler: Hand) -> None:
    answer = hourhand("status", "--json").json
    assert (answer["state"], findings(answer)) == ("down", ["no-worker"])


def test_the_page_shows_what_waits_and_what_comes(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client, sql: Sql
) -> None:
    client.enqueue("clean-news")
    hand.work("failed", error={"class": "ValueError", "message": "no"})
    client.enqueue("clean-news")
    client.schedules.create("news", "clean-news", every="1h")
    sql("update hourhand.scheduled_jobs set next_run_at = hourhand.clock() + interval '30 minutes'")
    page = " ".join(hourhand("status").out.split())
    for words in (
        "1 active, 0 paused, 0 broken",
        "1 pending, 0 processing",
        "failed in 24 h 1",
        "1 in 24 h",
    ):
        assert words in page
    assert "█" in page
    assert "in 30m news clean-news" in page


def test_a_task_nobody_can_run_degrades(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client
) -> None:
    client.enqueue("nobody-knows")
    answer = hourhand("status", "--json").json
    assert (answer["state"], findings(answer)) == ("degraded", ["unknown-task"])


def test_a_queue_nobody_takes_from_degrades(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client, sql: Sql
) -> None:
    client.enqueue("clean-news", queue="images")
    assert findings(hourhand("status", "--json").json) == []  # it has not said yet from which it takes
    for queues, found in [
        ('["default", "images"]', []),
        ("null", []),
        ('["default"]', ["unserved-queue"]),
    ]:
        sql(f"update hourhand.services set stats = '{{\"queues\": {queues}}}' where kind = 'worker'")
        assert findings(hourhand("status", "--json").json) == found
    assert "takes from queue images, and 1 of its runs wait" in hourhand("doctor").out


def test_a_silent_worker_degrades(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, sql: Sql, transport: Transport
) -> None:
    Hand(transport, "clean-news", lease=1000)
    sql("update hourhand.services set lease_until = hourhand.clock() where id = %s", hand.session)
    answer = hourhand("status", "--json").json
    assert (answer["state"], findings(answer)) == ("degraded", ["service-late"])


def test_a_command_that_was_killed_does_not(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, sql: Sql, transport: Transport
) -> None:
    command = Hand(transport, kind="cli", lease=1000)
    sql("update hourhand.services set lease_until = hourhand.clock() where id = %s", command.session)
    assert hourhand("status", "--json").json["state"] == "ok"


def test_an_unreachable_database_exits_with_69(hourhand: Hourhand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourhand_admin.terminal.session._PATIENCE", 0.1)
    done = hourhand("status", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.code == 69
    assert done.out == ""


def test_watching_shows_it_again_until_it_is_stopped(database_url: str, hand: Hand, scheduler: Hand) -> None:
    command = [sys.executable, "-m", "hourhand", "status", "--watch", "--interval", "100ms"]
    environment = {**os.environ, "DATABASE_URL": database_url}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            shown = (line for line in process.stdout if line.startswith("hourhand: ok"))
            assert len(list(islice(shown, 3))) == 3
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert process.returncode == 130


# --- Doctor ---


def test_the_doctor_finds_nothing_where_all_is_well(hourhand: Hourhand, hand: Hand, scheduler: Hand) -> None:
    done = hourhand("doctor")
    assert done.code == 0
    assert all(line.startswith("ok ") for line in done.out.splitlines())
    assert [each["id"] for each in hourhand("doctor", "--json").json["passed"]][:3] == [
        "settings",
        "database",
        "permissions",
    ]


def test_the_doctor_names_broken_and_late_schedules(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client, sql: Sql
) -> None:
    for name in ("broken", "late", "fine"):
        client.schedules.create(name, "clean-news", every="1h")
    sql("update hourhand.scheduled_jobs set error = 'no such zone' where name = 'broken'")
    sql(
        "update hourhand.scheduled_jobs set next_run_at = hourhand.clock() - interval '1 hour' where name = 'late'"
    )
    done = hourhand("doctor")
    assert done.code == 1
    assert "schedule broken is stopped by an error: no such zone" in done.out
    assert "schedule late is late by 1h" in done.out
    assert findings(hourhand("doctor", "--json").json) == ["broken-schedule", "late-schedule"]


def test_the_doctor_names_a_late_schedule_among_thousands(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, sql: Sql
) -> None:
    sql(
        "insert into hourhand.scheduled_jobs (name, task, every, next_run_at, created_at, updated_at)"
        " select 's' || lpad(n::text, 4, '0'), 'clean-news', '1h', now(), now(), now() from generate_series(1, 1100) n"
    )
    sql(
        "update hourhand.scheduled_jobs set next_run_at = now() + case name when 's1100' then -1 else 1 end * interval '1h'"
    )
    [late] = hourhand("doctor", "--json").json["findings"]
    assert late["what"].startswith("schedule s1100 is late by 1h")


def test_the_doctor_finds_a_backlog_and_paused_queues(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client, sql: Sql
) -> None:
    client.enqueue("clean-news")
    sql("update hourhand_parts.job_runs_live set run_at = run_at - interval '10 minutes'")
    assert findings(hourhand("doctor", "--json").json) == ["backlog"]
    hourhand("queue", "pause", "default", "--note", "incident 12")
    [paused] = hourhand("doctor", "--json").json["findings"]  # no worker would help those that wait there
    assert re.fullmatch(r"queue default is paused, for .*s by now: incident 12", paused["what"])


def test_a_paused_queue_alone_is_no_illness(hourhand: Hourhand, hand: Hand, scheduler: Hand) -> None:
    hourhand("queue", "pause", "default")
    done = hourhand("doctor")
    assert done.code == 0
    assert "queue default is paused" in done.out


def test_a_wrong_clock_is_noted(hourhand: Hourhand, hand: Hand, scheduler: Hand, sql: Sql) -> None:
    sql(
        "create or replace function hourhand.clock() returns timestamptz language sql volatile "
        "as $$ select clock_timestamp() - interval '5 seconds' $$"
    )
    done = hourhand("doctor", "--json")
    assert (done.code, findings(done.json)) == (0, ["clock"])
    assert re.search(r"is [456](\.\d)?s ahead of the database's$", done.json["findings"][0]["what"])


def test_other_functions_than_those_of_the_package_are_found(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, sql: Sql
) -> None:
    sql("update hourhand.migrations set checksum = 'other' where version = 0")
    done = hourhand("doctor")
    assert done.code == 1
    assert "hourhand migrate" in done.out


def test_a_missing_schema_is_found(hourhand: Hourhand, empty_database_url: str) -> None:
    done = hourhand("doctor", DATABASE_URL=empty_database_url)
    assert done.code == 78
    assert "schema" in done.out
    assert "hourhand migrate" in done.out


def test_a_wrong_setting_is_a_finding(hourhand: Hourhand) -> None:
    done = hourhand("doctor", "--json", JOB_WORKER_POLL_MS="never")
    assert done.code == 78
    [finding] = done.json["findings"]
    assert finding["id"] == "settings"
    assert "JOB_WORKER_POLL_MS" in finding["what"]


def test_an_unreachable_database_is_a_finding(hourhand: Hourhand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourhand_admin.terminal.session._PATIENCE", 0.1)
    done = hourhand("doctor", "--json", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.code == 69
    assert findings(done.json) == ["database-unreachable"]


def test_a_role_without_rights_is_a_finding(hourhand: Hourhand, database_url: str, sql: Sql) -> None:
    role = f"stranger_{uuid.uuid4().hex[:8]}"
    sql(f"create role {role} login")
    try:
        stranger = (
            database_url.replace("postgres@", f"{role}@", 1) if "postgres@" in database_url else database_url
        )
        done = hourhand("doctor", "--json", DATABASE_URL=stranger)
        assert done.code == 78
        assert findings(done.json) == ["permissions"]
    finally:
        sql(f"drop role {role}")


def test_the_runs_of_a_dead_worker_are_taken_back(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client, sql: Sql
) -> None:
    handle = client.enqueue("clean-news")
    hand.claim()
    sql("update hourhand.services set lease_until = hourhand.clock() where id = %s", hand.session)
    done = hourhand("doctor", "--fix")
    assert "took back 1 run of 1 dead service" in done.err
    assert handle.status() == "pending"


def test_all_runs_that_are_processing_are_taken_back_when_that_is_asked_for(
    hourhand: Hourhand, hand: Hand, scheduler: Hand, client: Client
) -> None:
    """Those of workers that are alive, too; never without --fix."""
    handle = client.enqueue("clean-news")
    hand.claim()
    assert hourhand("doctor", "--all-processing").code == 2
    assert handle.status() == "processing"
    done = hourhand("doctor", "--fix", "--all-processing")
    assert "took back 1 run that was processing" in done.err
    assert handle.status() == "pending"


# --- Tasks and queues ---


def test_registered_tasks_are_listed(hourhand: Hourhand, hand: Hand) -> None:
    lines = hourhand("tasks").out.splitlines()
    assert lines[0].split()[:3] == ["task", "queue", "workers"]
    assert lines[2].split()[:3] == ["ingest-rss", "feeds", "1"]
    assert [task["name"] for task in hourhand("tasks", "--json").json] == ["clean-news", "ingest-rss"]


def test_a_task_is_shown_with_what_it_takes(hourhand: Hourhand, hand: Hand) -> None:
    shown = hourhand("tasks", "ingest-rss").out
    for words in ("Fetch one feed", "1m 30s", '"required"', '"url"'):
        assert words in shown


def test_an_unknown_task_is_told_with_the_one_that_may_be_meant(hourhand: Hourhand, hand: Hand) -> None:
    done = hourhand("tasks", "ingest-rs")
    assert done.code == 2
    assert "Did you mean ingest-rss?" in done.err


def test_without_tasks_it_says_how_to_register_some(hourhand: Hourhand) -> None:
    done = hourhand("tasks")
    assert (done.code, done.out) == (0, "")
    assert "hourhand worker --tasks MODULE" in done.err


def test_a_queue_is_paused_and_resumed(hourhand: Hourhand, hand: Hand, client: Client) -> None:
    client.enqueue("clean-news")
    assert hourhand("queue", "pause", "default", "--note", "API down").code == 0
    assert "API down" in hourhand("queue", "list").out
    assert hand.claim() == []
    assert hourhand("queue", "resume", "default").code == 0
    assert len(hand.claim()) == 1
    queues = {queue["name"]: queue for queue in hourhand("queue", "list", "--json").json}
    assert (queues["default"]["paused_at"], queues["default"]["processing"]) == (None, 1)


def test_a_queue_is_limited_shown_and_set_free(hourhand: Hourhand) -> None:
    assert hourhand("queue", "limit", "mail", "--concurrency", "5", "--rate", "100/min").code == 0
    shown = hourhand("queue", "list").out
    assert "100/min, burst 2" in shown
    assert hourhand("queue", "limit", "mail", "--clear").code == 0
    assert "100/min" not in hourhand("queue", "list").out
    assert hourhand("queue", "limit", "mail").code == 2
    assert hourhand("queue", "limit", "mail", "--rate", "fast").code == 2
