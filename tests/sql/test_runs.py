"""The way of a run through the functions: claimed with a token, finished once, lost, released, cancelled, retried."""

import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from hourhand.errors import BadInput, Conflict, NotFound
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.support.waiting import eventually

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]


def status(sql: Sql, run_id: int) -> str:
    rows = sql("select status from hourhand.job_runs where id = %s", run_id)
    assert len(rows) == 1
    found: str = rows[0][0]
    return found


def test_a_run_goes_from_pending_through_processing_to_completed(
    hand: Hands, enqueue: Enqueue, sql: Sql
) -> None:
    run_id = enqueue(payload={"url": "x"})
    worker = hand()
    (run,) = worker.runs()
    assert (run["id"], run["payload"], run["attempt"]) == (run_id, '{"url": "x"}', 1)
    assert status(sql, run_id) == "processing"
    assert worker.finish(run, result={"items": 3}) == ["ok"]
    assert sql("select status, result, attempt from hourhand.job_runs where id = %s", run_id) == [
        ("completed", {"items": 3}, 1)
    ]


def test_a_claim_repeated_with_its_id_gives_the_same_attempts(hand: Hands, enqueue: Enqueue) -> None:
    enqueue(), enqueue(), enqueue()
    worker = hand()
    claim_id = str(uuid.uuid4())
    first = worker.runs(2, claim_id=claim_id)
    assert worker.runs(2, claim_id=claim_id) == first
    assert len(worker.runs()) == 1


def test_a_finish_repeated_answers_already(hand: Hands, enqueue: Enqueue) -> None:
    enqueue(), enqueue()
    worker = hand()
    done, failed = worker.runs()
    assert worker.finish(done) == ["ok"]
    assert worker.finish(failed, outcome="retry", delay=60) == ["ok"]
    assert worker.finish(done) == ["already"]
    assert worker.finish(failed, outcome="retry", delay=60) == ["already"]


def test_a_stale_worker_cannot_finish_a_rescued_run(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None], sql: Sql
) -> None:
    run_id = enqueue()
    zombie, heir = hand(), hand()
    (old,) = zombie.runs()
    end_lease(zombie)
    assert heir.beat()["rescued"] == 1
    (new,) = heir.runs()
    assert (new["id"], new["attempt"], new["lost_count"]) == (run_id, 2, 1)
    assert zombie.finish(old) == ["stale"]
    assert status(sql, run_id) == "processing"
    assert heir.finish(new) == ["ok"]
    assert zombie.finish(old) == ["stale"]
    assert sql("select outcome from hourhand.job_run_attempts where run_id = %s", run_id) == [("lost",)]


def test_a_session_whose_lease_has_ended_gets_and_renews_nothing(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None]
) -> None:
    enqueue()
    worker = hand()
    end_lease(worker)
    assert worker.claim()["lost"]
    assert worker.beat()["lost"]
    with pytest.raises(Conflict):
        worker.open()


def test_a_run_lost_three_times_fails_with_the_reason(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None], transport: PostgresTransport, sql: Sql
) -> None:
    run_id = enqueue(max_attempts=1)
    for _ in range(3):
        worker = hand()
        assert len(worker.runs()) == 1
        end_lease(worker)
        transport.call("rescue")
    assert sql("select status, error, lost_count from hourhand.job_runs where id = %s", run_id) == [
        ("failed", "worker lost 3 times", 2)
    ]


def test_a_run_lost_once_is_claimed_alone(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None], sql: Sql
) -> None:
    suspect = enqueue()
    victim = hand()
    victim.runs()
    end_lease(victim)
    neighbours = {enqueue(), enqueue()}
    worker = hand()
    worker.beat()
    busy = worker.claim(held=1)
    assert {run["id"] for run in busy["runs"]} == neighbours
    answer = worker.claim()
    assert [run["id"] for run in answer["runs"]] == [suspect]
    assert answer["solo"]


def test_a_suspect_that_no_free_worker_took_joins_what_a_busy_one_holds(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None], sql: Sql
) -> None:
    suspect = enqueue()
    victim = hand()
    victim.runs()
    end_lease(victim)
    worker = hand()
    worker.beat()
    enqueue()
    answer = worker.claim(most=1, held=1)
    assert suspect not in {run["id"] for run in answer["runs"]}
    sql(
        "update hourhand.job_runs set claim_at = claim_at - interval '1 second', run_at = run_at - interval '1 second'"
    )
    enqueue()
    answer = worker.claim(held=1)
    assert [run["id"] for run in answer["runs"]] == [suspect]
    assert answer["solo"]


def test_a_worker_is_told_when_it_may_take_a_suspect_beside_what_it_holds(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None]
) -> None:
    enqueue()
    victim = hand()
    victim.runs()
    end_lease(victim)
    worker = hand()
    worker.beat()
    answer = worker.claim(held=1)
    assert answer["runs"] == []
    wait = datetime.fromisoformat(answer["next_at"]) - datetime.fromisoformat(answer["now"])
    assert timedelta() < wait <= timedelta(seconds=0.501)


def test_higher_priority_goes_first_and_age_catches_up(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    low, normal, high = enqueue(priority=-1), enqueue(), enqueue(priority=5)
    old = enqueue()
    sql(
        "update hourhand.job_runs set claim_at = claim_at - interval '10 minutes', run_at = run_at - interval '10 minutes' where id = %s",
        old,
    )
    assert [run["id"] for run in hand().runs()] == [old, high, normal, low]


def test_a_delayed_run_is_not_claimed_before_its_time_whatever_its_priority(
    hand: Hands, enqueue: Enqueue, sql: Sql
) -> None:
    run_at = sql("select to_char(hourhand.clock() + interval '1 minute', 'YYYY-MM-DD\"T\"HH24:MI:SSOF')")[0][
        0
    ]
    for priority in (-100, 0, 100):
        enqueue(run_at=run_at, priority=priority)
    answer = hand().claim()
    assert answer["runs"] == []
    assert answer["next_at"] is not None


def test_unknown_tasks_and_paused_queues_stay_pending(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport
) -> None:
    enqueue("other"), enqueue(queue="paused")
    known = enqueue()
    transport.call("pause_queue", {"p_queue": "paused"})
    assert [run["id"] for run in hand().runs()] == [known]
    transport.call("resume_queue", {"p_queue": "paused"})
    assert len(hand().runs()) == 1


def test_one_run_at_a_time_holds_a_concurrency_key(hand: Hands, enqueue: Enqueue) -> None:
    first, second = enqueue(concurrency_key="k"), enqueue(concurrency_key="k")
    other = enqueue(concurrency_key="other")
    worker = hand()
    runs = worker.runs()
    assert [run["id"] for run in runs] == [first, other]
    assert worker.runs() == []
    assert worker.finish(runs[0]) == ["ok"]
    assert [run["id"] for run in worker.runs()] == [second]


def test_a_tasks_global_limit_holds_and_hides_nobody_else(hand: Hands, enqueue: Enqueue) -> None:
    limited = [enqueue("limited") for _ in range(5)]
    hand("limited", concurrency=2)
    free = enqueue("free")
    worker = hand("free")
    worker.tasks = ["limited", "free"]
    taken = worker.runs(3)
    assert [run["id"] for run in taken] == [*limited[:2], free]
    assert worker.runs(3) == []
    worker.finish(taken[0])
    assert [run["id"] for run in worker.runs(3)] == [limited[2]]


def test_retries_end_with_the_last_attempt(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    run_id = enqueue(max_attempts=2)
    worker = hand()
    error = {"class": "OSError", "message": "no route", "traceback": "Traceback …"}
    for _ in range(2):
        (run,) = worker.runs()
        assert worker.finish(run, outcome="retry", delay=0, error=error) == ["ok"]
    assert sql("select status, attempt, error from hourhand.job_runs where id = %s", run_id) == [
        ("failed", 2, "OSError: no route")
    ]
    assert sql("select attempt, error_class, traceback from hourhand.job_run_attempts order by ended_at") == [
        (1, "OSError", "Traceback …"),
        (2, "OSError", "Traceback …"),
    ]


def test_a_snoozed_and_a_released_run_give_their_attempt_back(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport
) -> None:
    enqueue(max_attempts=1)
    worker = hand()
    (run,) = worker.runs()
    assert worker.finish(run, outcome="snooze", delay=0) == ["ok"]
    (run,) = worker.runs()
    assert run["attempt"] == 1
    runs = [{"id": run["id"], "token": run["token"], "started": True}]
    released = {"p_session": worker.session, "p_runs": runs, "p_close": True}
    assert transport.call("release", released)["results"] == [{"id": run["id"], "outcome": "ok"}]
    assert transport.call("release", released)["results"] == [{"id": run["id"], "outcome": "stale"}]
    assert worker.finish(run) == ["stale"]
    assert hand().runs()[0]["attempt"] == 1


def test_a_pending_run_is_cancelled_at_once_and_a_running_one_is_told_by_the_heartbeat(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    pending = enqueue()
    assert (
        transport.call("cancel_run", {"p_run_id": pending, "p_reason": "not needed"})["outcome"]
        == "cancelled"
    )
    assert sql("select status, error from hourhand.job_runs where id = %s", pending) == [
        ("cancelled", "not needed")
    ]
    running = enqueue()
    worker = hand()
    (run,) = worker.runs()
    assert transport.call("cancel_run", {"p_run_id": running, "p_reason": "stop"})["outcome"] == "requested"
    assert worker.beat(run)["cancel"] == [{"id": running, "token": run["token"], "reason": "stop"}]
    assert worker.finish(run, outcome="retry", delay=0) == ["ok"]
    assert status(sql, running) == "cancelled"
    assert transport.call("cancel_run", {"p_run_id": running})["outcome"] == "finished"
    with pytest.raises(NotFound):
        transport.call("cancel_run", {"p_run_id": 10**12})


def test_a_finished_run_is_retried_as_a_new_one_and_a_repeated_request_makes_no_second(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    run_id = enqueue(payload={"n": 1})
    with pytest.raises(Conflict):
        transport.call("retry_run", {"p_run_id": run_id})
    worker = hand()
    worker.finish(*worker.runs(), outcome="failed")
    request = {"p_run_id": run_id, "p_payload": {"n": 2}, "p_request_id": str(uuid.uuid4())}
    first, second = transport.call("retry_run", request), transport.call("retry_run", request)
    assert (first["outcome"], second["outcome"], first["id"]) == ("created", "existing", second["id"])
    assert sql(
        "select retry_of, payload, trigger, status from hourhand.job_runs where id = %s", first["id"]
    ) == [(run_id, {"n": 2}, "retry", "pending")]
    assert status(sql, run_id) == "failed"


def test_a_key_makes_one_run_and_outlives_it(hand: Hands, transport: PostgresTransport, sql: Sql) -> None:
    job = {"p_task": "task", "p_key": "a", "p_payload": {"n": 1}}
    made = transport.call("enqueue", job)
    assert transport.call("enqueue", job) == {"id": made["id"], "outcome": "existing"}
    replaced = transport.call("enqueue", {**job, "p_payload": {"n": 2}, "p_on_conflict": "replace"})
    assert replaced == {"id": made["id"], "outcome": "replaced"}
    worker = hand()
    worker.finish(*worker.runs())
    assert transport.call("enqueue", job)["outcome"] == "existing"
    assert transport.call("enqueue", {**job, "p_key_scope": "elsewhere"})["outcome"] == "created"
    sql("update hourhand.job_run_keys set expires_at = hourhand.clock()")
    assert transport.call("enqueue", job)["outcome"] == "created"


def test_many_callers_with_one_key_make_one_run(database_url: str, sql: Sql) -> None:
    outcomes: list[str] = []

    def call() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            row = connection.execute("select hourhand.enqueue('task', p_key => 'same')").fetchone()
            assert row is not None
            outcomes.append(row[0]["outcome"])

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created"] + ["existing"] * 11
    assert sql("select count(*) from hourhand.job_runs") == [(1,)]


def test_a_plain_insert_needs_only_a_task_and_wakes_a_worker(
    sql: Sql, hand: Hands, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    hand("task", queue="mail", max_attempts=2, timeout=60)
    listener = connect()
    listener.execute("listen hourhand_runs")
    sql("insert into hourhand.job_runs (task) values ('task'), ('nobody')")
    assert [notify.channel for notify in listener.notifies(timeout=5, stop_after=1)] == ["hourhand_runs"]
    assert sql(
        "select queue, max_attempts, timeout::text, trigger, status from hourhand.job_runs order by id"
    ) == [
        ("mail", 2, "00:01:00", "api", "pending"),
        ("default", 4, "01:00:00", "api", "pending"),
    ]


REFUSED = [
    "insert into hourhand.job_runs (task, status) values ('task', 'completed')",
    "insert into hourhand.job_runs (task, status, finished_at) values ('task', 'completed', '2026-01-01')",
    "insert into hourhand.job_runs (task) values (E'a\\nb')",
    "insert into hourhand.job_runs (task, payload) values ('task', (repeat('[', 200) || repeat(']', 200))::jsonb)",
    "insert into hourhand.job_runs (task, payload) values ('task', to_jsonb(repeat('x', 300000)))",
    "insert into hourhand.job_runs (id, task) values (0, 'task')",
    # What comes of a run: with its attempts used up before the first, it would fail each claim that comes to it.
    *(
        f"insert into hourhand.job_runs (task, {column}) values ('task', {value})"
        for column, value in {
            "attempt": "4",
            "lost_count": "-4",
            "session_id": "gen_random_uuid()",
            "token": "gen_random_uuid()",
            "claim_id": "gen_random_uuid()",
            "claimed_at": "'infinity'",
            "started_at": "'infinity'",
            "finished_at": "now()",
            "cancel_requested_at": "'infinity'",
            "cancel_reason": "'what'",
            "progress": "'1'",
            "result": "'1'",
            "error": "'what'",
            "id": "9223372036854775807",
            "unique_key": "'k'",
            "run_at": "'infinity'",
            "priority": "101",
            "payload": "'{\"a\":1e5000}'",
        }.items()
    ),
    # With claim_at nothing else is filled.
    *(
        "insert into hourhand.job_runs (task, queue, run_at, max_attempts, timeout, trigger, claim_at, created_at,"
        f" unique_key) values ('task', 'q', now(), 4, '1 hour', 'api', {rest})"
        for rest in ("'infinity', now(), null", "now(), 'infinity', null", "now(), now(), 'k'")
    ),
    "update hourhand.job_runs set status = 'completed'",
    "update hourhand.job_runs set status = 'processing'",
]


def test_plain_sql_cannot_break_the_rules_of_runs(sql: Sql, enqueue: Enqueue) -> None:
    enqueue()
    for statement in REFUSED:
        with pytest.raises(psycopg.Error):  # noqa: PT012  (which one was not refused is to be told)
            sql(statement)
            pytest.fail(statement)
    assert sql("select status from hourhand.job_runs") == [("pending",)]


def test_history_is_never_changed(sql: Sql, hand: Hands, enqueue: Enqueue) -> None:
    enqueue()
    worker = hand()
    worker.finish(*worker.runs())
    with pytest.raises(psycopg.Error, match=r"retry_run|cannot be set"):
        sql("update hourhand.job_runs set status = 'pending'")


def test_a_payload_may_be_large_flat_and_full_of_brackets(transport: PostgresTransport) -> None:
    payload = {"rows": [{"n": [1, 2], "text": ']]}}[[{{\\"'} for _ in range(2000)]}
    assert transport.call("enqueue", {"p_task": "task", "p_payload": payload})["outcome"] == "created"


def test_a_claim_stops_at_eight_megabytes(hand: Hands, transport: PostgresTransport) -> None:
    jobs = [{"task": "task", "payload": {"text": "x" * 200_000}} for _ in range(50)]
    transport.call("enqueue_many", {"p_jobs": jobs})
    worker = hand()
    answer = worker.claim(50)
    assert 30 < len(answer["runs"]) < 45
    assert answer["full"]
    assert len(answer["runs"]) + len(worker.runs(50)) == 50


def test_enqueue_many_answers_in_order_with_ids_and_outcomes(transport: PostgresTransport, sql: Sql) -> None:
    jobs: list[dict[str, Any]] = [
        {"task": f"t{n}", "key": "k" if n % 3 == 0 else None, "key_scope": "s"} for n in range(7)
    ]
    answers = transport.call("enqueue_many", {"p_jobs": jobs})
    assert [answer["outcome"] for answer in answers] == [
        "created",
        "created",
        "created",
        "existing",
        "created",
        "created",
        "existing",
    ]
    tasks = dict(sql("select id, task from hourhand.job_runs"))
    assert [tasks[answer["id"]] for answer in answers] == ["t0", "t1", "t2", "t0", "t4", "t5", "t0"]
    assert transport.call("enqueue_many", {"p_jobs": []}) == []
    with pytest.raises(BadInput):
        transport.call("enqueue_many", {"p_jobs": [{"payload": {}}]})


def test_functions_refuse_a_snapshot_of_the_past(connect: Callable[..., psycopg.Connection[Any]]) -> None:
    connection = connect(autocommit=False)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("select hourhand.enqueue('task')")
    assert caught.value.sqlstate == "25001"


def test_an_enqueue_in_a_callers_transaction_is_seen_when_that_commits(
    connect: Callable[..., psycopg.Connection[Any]], hand: Hands
) -> None:
    connection = connect(autocommit=False)
    connection.execute("select hourhand.enqueue('task')")
    worker = hand()
    assert worker.runs() == []
    connection.rollback()
    connection.execute("select hourhand.enqueue('task')")
    connection.commit()
    assert len(worker.runs()) == 1


def test_two_claims_of_one_session_at_once_give_the_same_runs(
    hand: Hands, enqueue: Enqueue, connect: Callable[..., psycopg.Connection[Any]], sql: Sql
) -> None:
    """The first has not committed when its repetition arrives: that waits, then finds what the first took."""
    enqueue()
    worker = hand()
    claim_id = str(uuid.uuid4())
    first = connect(autocommit=False)
    row = first.execute(
        "select hourhand.claim(%s, %s, 5, '[\"task\"]')", [worker.session, claim_id]
    ).fetchone()
    assert row is not None
    again: list[Any] = []
    thread = threading.Thread(target=lambda: again.extend(worker.runs(5, claim_id=claim_id)))
    thread.start()
    eventually(
        lambda: sql(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%%claim%%'"
        )
    )
    first.commit()
    thread.join()
    assert [run["token"] for run in again] == [run["token"] for run in row[0]["runs"]]


def test_a_lost_answers_runs_come_back_after_a_lease_with_a_hint(
    hand: Hands, enqueue: Enqueue, sql: Sql, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    run_id = enqueue()
    worker = hand()
    worker.runs()
    worker.beat()
    assert status(sql, run_id) == "processing", "it may only just have been claimed"
    sql("update hourhand.job_runs set claimed_at = claimed_at - interval '31 seconds'")
    listener = connect()
    listener.execute("listen hourhand_runs")
    worker.beat()
    assert status(sql, run_id) == "pending"
    assert [notify.channel for notify in listener.notifies(timeout=5, stop_after=1)] == ["hourhand_runs"]
    assert worker.runs()[0]["attempt"] == 1


def test_logs_and_progress_need_the_token(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    run_id = enqueue()
    worker = hand()
    (run,) = worker.runs()
    line = {
        "run_id": run_id,
        "token": run["token"],
        "attempt": 1,
        "seq": 1,
        "at": "2026-11-22T00:00:00Z",
        "level": "INFO",
        "message": "m",
    }
    stranger = {**line, "token": str(uuid.uuid4()), "seq": 2}
    append = {"p_session": worker.session, "p_logs": [line, stranger]}
    assert transport.call("append_logs", append) == {"stored": 1, "stale": 1}
    transport.call("append_logs", append)
    assert sql("select seq from hourhand.job_run_logs") == [(1,)]
    assert (
        transport.call(
            "set_progress", {"p_run_id": run_id, "p_token": run["token"], "p_progress": {"done": 1}}
        )["outcome"]
        == "ok"
    )
    assert (
        transport.call("set_progress", {"p_run_id": run_id, "p_token": stranger["token"], "p_progress": {}})[
            "outcome"
        ]
        == "stale"
    )
    worker.finish(run)
    late = {"p_session": worker.session, "p_logs": [{**line, "seq": 3}]}
    assert transport.call("append_logs", late) == {"stored": 1, "stale": 0}, (
        "lines may arrive after the outcome"
    )
