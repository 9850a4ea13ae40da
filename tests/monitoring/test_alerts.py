"""From what is wrong to a message that somebody gets, once."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from hourhand.alerts.quiet import quiet_until
from hourhand.alerts.watch import Watch
from hourhand.transport import Transport
from tests.monitoring.conftest import Mailbox, Receiver
from tests.sql.conftest import Hand

Watching = Callable[..., Watch]
Sql = Callable[..., list[Any]]
Enqueue = Callable[..., int]
AddSchedule = Callable[..., int]


@pytest.fixture
def run_schedule(transport: Transport, hand: Callable[..., Hand]) -> Callable[..., int]:
    """Runs a schedule once, with this outcome; the run's id."""
    worker = hand("task")

    def run_schedule(name: str = "news", outcome: str = "completed") -> int:
        transport.call("trigger_schedule", {"p_schedule": name})
        (run,) = worker.runs()
        error = {"class": "Refused", "message": "the feed said no"} if outcome == "failed" else None
        worker.finish(run, outcome=outcome, error=error)
        run_id: int = run["id"]
        return run_id

    return run_schedule


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    bodies = [json.loads(each.body) for each in receiver.posted]
    return [(each["event"], each["rule"], each["subject"]) for each in bodies]


def test_an_alert_is_sent_once_and_its_end_too(
    watch: Watching, receiver: Receiver, add_schedule: AddSchedule, run_schedule: Callable[..., int]
) -> None:
    add_schedule("news")
    daemon = watch(alert_webhook=receiver.url, admin_url="https://jobs.example.org")
    for _ in range(2):
        run_schedule(outcome="failed")
        daemon.look()
    assert receiver.posted == []
    last = run_schedule(outcome="failed")
    for _ in range(3):
        daemon.look()
    run_schedule(outcome="failed")
    daemon.look()
    assert told(receiver) == [("alert.opened", "failing", "schedule news")]
    body = json.loads(receiver.posted[0].body)
    assert body["summary"] == "schedule news has failed 3 times in a row: Refused: the feed said no"
    assert body["url"] == f"https://jobs.example.org/runs/{last}"
    run_schedule()
    for _ in range(2):
        daemon.look()
    assert told(receiver)[1:] == [("alert.recovered", "failing", "schedule news")]
    assert len(set(receiver.keys())) == 2


def test_whoever_gets_it_can_see_that_it_is_ours(
    watch: Watching, receiver: Receiver, transport: Transport
) -> None:
    daemon = watch(alert_webhook=receiver.url, alert_webhook_secret="s3cret")
    transport.call("test_alert", {"p_destinations": ["webhook"]})
    daemon.look()
    (posted,) = receiver.posted
    stamped = posted.headers["x-hourhand-timestamp"].encode() + b"." + posted.body
    expected = hmac.new(b"s3cret", stamped, hashlib.sha256).hexdigest()
    assert posted.headers["x-hourhand-signature"] == f"v1={expected}"
    assert json.loads(posted.body)["id"] == posted.headers["idempotency-key"]


def test_an_alert_comes_by_mail_too(
    watch: Watching, mailbox: Mailbox, add_schedule: AddSchedule, run_schedule: Callable[..., int]
) -> None:
    add_schedule("news")
    daemon = watch(
        alert_email="ann@example.org,bob@example.org",
        smtp_url=mailbox.url,
        alert_failures=1,
        admin_url="https://jobs.example.org",
    )
    run = run_schedule(outcome="failed")
    daemon.look()
    run_schedule()
    daemon.look()
    first, second = mailbox.mails
    assert first["to"] == "ann@example.org, bob@example.org"
    assert first["from"] == "jobs@example.org"
    assert first["subject"].startswith("[hourhand] Problem: schedule news has failed once in a row")
    assert f"https://jobs.example.org/runs/{run}" in first.get_content()
    assert second["subject"].startswith("[hourhand] Over: schedule news")
    assert first["references"] == second["references"]
    assert first["message-id"] != second["message-id"]


class Killed(BaseException):
    """The process ends here."""


def test_a_crash_between_the_delivery_and_its_mark_sends_it_again_with_the_same_key(
    watch: Watching, receiver: Receiver, transport: Transport, time_passes: Callable[[], None]
) -> None:
    class Dies:
        """Settles nothing."""

        name = "postgres"

        def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
            if function == "settle_messages":
                raise Killed
            return transport.call(function, params, retry=retry)

    dying = watch(alert_webhook=receiver.url)
    dying._transport = Dies()  # type: ignore[assignment]
    transport.call("test_alert", {"p_destinations": ["webhook"]})
    with pytest.raises(Killed):
        dying.look()
    other = watch(alert_webhook=receiver.url)
    other.look()
    assert len(receiver.posted) == 1, "it belongs to the other one for a while"
    time_passes()
    other.look()
    other.look()
    first, second = receiver.keys()
    assert first == second


def test_a_crash_before_the_delivery_loses_nothing(
    watch: Watching, receiver: Receiver, transport: Transport, time_passes: Callable[[], None]
) -> None:
    transport.call("test_alert", {"p_destinations": ["webhook"]})
    transport.call("claim_messages", {"p_destinations": ["webhook"]})
    time_passes()
    watch(alert_webhook=receiver.url).look()
    assert len(receiver.posted) == 1


def test_of_several_daemons_one_sends_it(
    watch: Watching, receiver: Receiver, add_schedule: AddSchedule, run_schedule: Callable[..., int], sql: Sql
) -> None:
    for number in range(8):
        add_schedule(f"news {number}")
        run_schedule(f"news {number}", outcome="failed")
    daemons = [watch(alert_webhook=receiver.url, alert_failures=1) for _ in range(4)]
    start = threading.Barrier(len(daemons))

    def look(daemon: Watch) -> None:
        start.wait(10)
        for _ in range(3):
            daemon.look()

    threads = [threading.Thread(target=look, args=[daemon]) for daemon in daemons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(subject for _, _, subject in told(receiver)) == [f"schedule news {n}" for n in range(8)]
    assert sql("select count(*) from hourhand_parts.messages where delivered_at is null") == [(0,)]


def test_a_dead_destination_is_tried_again_ever_more_rarely_and_told(
    watch: Watching, receiver: Receiver, transport: Transport, time_passes: Callable[[], None], sql: Sql
) -> None:
    receiver.status = 503
    daemon = watch(alert_webhook=receiver.url)
    transport.call("test_alert", {"p_destinations": ["webhook"]})
    waits = []
    for _ in range(3):
        daemon.look()
        ((wait,),) = sql("select extract(epoch from due_at - hourhand.clock()) from hourhand_parts.messages")
        waits.append(round(float(wait) / 30))
        time_passes()
    assert waits == [1, 2, 4]
    (dead,) = transport.call("list_alerts")["unreachable"]
    assert (dead["destination"], dead["waiting"]) == ("webhook", 1)
    assert dead["error"] == "127.0.0.1 answered 503"
    receiver.status = 204
    daemon.look()
    assert transport.call("list_alerts")["unreachable"] == []
    assert len(set(receiver.keys())) == 1


def test_one_dead_destination_keeps_no_other_from_its_messages(
    watch: Watching, receiver: Receiver, mailbox: Mailbox, transport: Transport
) -> None:
    receiver.status = 500
    daemon = watch(alert_webhook=receiver.url, alert_email="ann@example.org", smtp_url=mailbox.url)
    transport.call("test_alert", {"p_destinations": daemon.destinations})
    daemon.look()
    assert len(mailbox.mails) == 1


def test_a_redirect_is_not_followed(watch: Watching, receiver: Receiver, transport: Transport) -> None:
    receiver.status = 307
    transport.call("test_alert", {"p_destinations": ["webhook"]})
    watch(alert_webhook=receiver.url).look()
    assert transport.call("list_alerts")["unreachable"][0]["error"] == "127.0.0.1 answered 307"


def test_what_a_daemon_cannot_reach_it_leaves_to_one_that_can(
    watch: Watching, receiver: Receiver, transport: Transport
) -> None:
    transport.call("test_alert", {"p_destinations": ["webhook"]})
    watch().look()
    watch(alert_webhook=receiver.url).look()
    assert len(receiver.posted) == 1


def test_a_daemon_without_destinations_opens_no_alert_that_nobody_hears_of(
    watch: Watching, receiver: Receiver, add_schedule: AddSchedule, run_schedule: Callable[..., int]
) -> None:
    add_schedule("news")
    run_schedule(outcome="failed")
    watch(alert_failures=1).look()
    watch(alert_webhook=receiver.url, alert_failures=1).look()
    assert len(receiver.posted) == 1


# --- What counts as wrong ---


@pytest.fixture
def problems(
    watch: Watching, receiver: Receiver, transport: Transport
) -> Callable[..., set[tuple[str, str]]]:
    """What is open after a look: rule and subject."""

    def problems(**rules: object) -> set[tuple[str, str]]:
        watch(alert_webhook=receiver.url, **rules).look()
        alerts = transport.call("list_alerts")["alerts"]
        return {(each["rule"], each["subject"]) for each in alerts if each["closed_at"] is None}

    return problems


Problems = Callable[..., set[tuple[str, str]]]


def test_a_schedule_that_was_due_and_did_not_fire_is_late(
    problems: Problems, add_schedule: AddSchedule, sql: Sql
) -> None:
    add_schedule("news")
    sql("update hourhand.scheduled_jobs set next_run_at = hourhand.clock() - interval '299 s'")
    assert problems() == set()
    sql("update hourhand.scheduled_jobs set next_run_at = hourhand.clock() - interval '301 s'")
    assert problems() == {("late", "schedule news")}
    sql("update hourhand.scheduled_jobs set next_run_at = hourhand.clock() + interval '1 s'")
    assert problems() == set()


def test_a_schedule_that_an_error_has_stopped_is_told(
    problems: Problems, add_schedule: AddSchedule, sql: Sql
) -> None:
    add_schedule("news")
    sql("update hourhand.scheduled_jobs set error = 'no such zone'")
    assert problems() == {("stopped", "schedule news")}


def test_a_missed_instant_is_told_until_the_next_one_fires(
    problems: Problems, add_schedule: AddSchedule, sql: Sql
) -> None:
    schedule = add_schedule("news")
    add = (
        "insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, decided_at)"
        " values (%s, hourhand.clock() - make_interval(mins => %s), %s, hourhand.clock())"
    )
    sql(add, schedule, 9, "missed")
    sql(add, schedule, 8, "paused")
    assert problems() == {("missed", "schedule news")}
    sql(add, schedule, 7, "fired")
    assert problems() == set()


def test_a_run_that_goes_on_for_longer_than_usual_is_told(
    problems: Problems,
    add_schedule: AddSchedule,
    run_schedule: Callable[..., int],
    transport: Transport,
    hand: Callable[..., Hand],
    sql: Sql,
) -> None:
    add_schedule("news")
    for _ in range(4):
        run_schedule()
    transport.call("trigger_schedule", {"p_schedule": "news"})
    hand("task").runs()
    assert problems() == set()
    sql(
        "update hourhand_parts.job_runs_live set claimed_at = claimed_at - interval '2 minutes', started_at = null"
    )
    assert problems(alert_backlog=9999) == {("slow", "schedule news")}


def test_a_service_that_has_fallen_silent_is_told_until_another_comes(
    problems: Problems, hand: Callable[..., Hand], sql: Sql
) -> None:
    hand("task")
    sql(
        "update hourhand.services set lease_until = lease_until - interval '100 s', beat_at = beat_at - interval '100 s'"
    )
    assert problems() == {("silent", "worker hand")}
    hand("task")
    assert problems() == set()


def test_a_worker_that_has_ended_in_order_is_no_alert(
    problems: Problems, hand: Callable[..., Hand], transport: Transport, sql: Sql
) -> None:
    worker = hand("task")
    transport.call("release", {"p_session": worker.session, "p_close": True})
    sql("update hourhand.services set lease_until = lease_until - interval '100 s'")
    assert problems() == set()


def test_a_queue_in_which_runs_wait_too_long_is_told_unless_it_is_paused(
    problems: Problems, enqueue: Enqueue, transport: Transport, sql: Sql
) -> None:
    enqueue("task", queue="mail")
    enqueue("task", queue="later")
    sql("update hourhand_parts.job_runs_live set run_at = run_at - interval '11 minutes'")
    transport.call("pause_queue", {"p_queue": "later"})
    assert problems() == {("backlog", "queue mail")}


def test_a_task_without_a_schedule_that_fails_in_a_row_is_told_until_it_completes(
    problems: Problems, hand: Callable[..., Hand], enqueue: Enqueue
) -> None:
    worker = hand("task", "other")

    def run(task: str, outcome: str) -> None:
        enqueue(task)
        worker.finish(*worker.runs(), outcome=outcome)

    for outcome in ("failed", "failed", "completed", "failed", "failed"):
        run("task", outcome)
    assert problems() == set()
    run("task", "failed")
    run("other", "completed")
    assert problems() == {("failing", "task task")}
    run("task", "completed")
    assert problems() == set()


@pytest.mark.parametrize(
    ("tag", "failures"), [("alert:1", 1), ("alert:2", 2), (None, 3), ("alert:off", None)]
)
def test_a_tag_of_the_schedule_says_how_many_failures_make_an_alert(
    problems: Problems,
    add_schedule: AddSchedule,
    run_schedule: Callable[..., int],
    tag: str | None,
    failures: int | None,
) -> None:
    add_schedule("news", tags=[tag] if tag else [])
    seen = []
    for _ in range(4):
        run_schedule(outcome="failed")
        seen.append(bool(problems()))
    first = seen.index(True) + 1 if any(seen) else None
    assert first == failures


# --- Quiet hours ---


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-07-01T19:59", None),
        ("2026-07-01T20:00", "2026-07-02T05:00"),
        ("2026-07-02T04:59", "2026-07-02T05:00"),
        ("2026-07-02T05:00", None),
        ("2026-12-01T21:30", "2026-12-02T06:00"),
    ],
)
def test_quiet_hours_are_those_of_the_time_zone(now: str, until: str | None) -> None:
    hours = (time(22), time(7))
    assert quiet_until(hours, "Europe/Berlin", at(now)) == (at(until) if until else None)


def test_hours_within_a_day_are_quiet_too() -> None:
    hours = (time(9), time(17))
    assert quiet_until(hours, "UTC", at("2026-07-01T12:00")) == at("2026-07-01T17:00")
    assert quiet_until(hours, "UTC", at("2026-07-01T17:00")) is None


def test_in_quiet_hours_an_alert_waits_and_what_is_over_by_then_is_not_told(
    watch: Watching,
    receiver: Receiver,
    add_schedule: AddSchedule,
    run_schedule: Callable[..., int],
    time_passes: Callable[[], None],
) -> None:
    now = datetime.now(UTC)
    quiet = "-".join(f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 2))
    nightly = watch(alert_webhook=receiver.url, alert_failures=1, alert_quiet=quiet)
    for name in ("short", "long"):
        add_schedule(name)
        run_schedule(name, outcome="failed")
    nightly.look()
    run_schedule("short")
    nightly.look()
    assert receiver.posted == []
    time_passes()
    watch(alert_webhook=receiver.url, alert_failures=1).look()
    assert told(receiver) == [("alert.opened", "failing", "schedule long")]
