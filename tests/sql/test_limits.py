"""Limits of tasks, keys and queues: never exceeded whoever races, filled when there is work, and in nobody's way."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import psycopg
import pytest

from hourhand.errors import BadInput
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.support import eventually

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]

WORKERS = 6


def limit(transport: PostgresTransport, queue: str, **limits: Any) -> Any:
    return transport.call("limit_queue", {"p_queue": queue, **{f"p_{k}": v for k, v in limits.items()}})


def names(runs: list[dict[str, Any]]) -> list[str]:
    return [run["task"] for run in runs]


def test_as_many_runs_of_a_key_go_on_at_once_as_their_task_allows(hand: Hands, enqueue: Enqueue) -> None:
    hand("task", key_concurrency=3)
    ids = [enqueue(concurrency_key="customer 7") for _ in range(5)]
    other = enqueue(concurrency_key="customer 8")
    worker = Hand(hand("other").transport, ["task"]).open(key_concurrency=3)
    runs = worker.runs()
    assert [run["id"] for run in runs] == [*ids[:3], other]
    assert worker.runs() == []
    worker.finish(runs[0])
    assert [run["id"] for run in worker.runs()] == [ids[3]]


def test_tasks_that_share_a_key_each_keep_their_own_limit(hand: Hands, enqueue: Enqueue) -> None:
    hand("three", key_concurrency=3)
    worker = hand("one")
    worker.tasks = ["one", "three"]
    enqueue("three", concurrency_key="k")
    assert names(worker.runs()) == ["three"]
    enqueue("one", concurrency_key="k"), enqueue("three", concurrency_key="k")
    assert names(worker.runs()) == ["three"], "one wants the key for itself"


def test_the_key_of_a_schedule_is_for_one_run_whatever_its_task_allows(hand: Hands, enqueue: Enqueue) -> None:
    worker = hand("task", key_concurrency=3)
    enqueue(concurrency_key="schedule:1"), enqueue(concurrency_key="schedule:1")
    assert len(worker.runs()) == 1


def test_a_queue_runs_no_more_than_its_limit_over_all_workers(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport
) -> None:
    limit(transport, "mail", concurrency=2)
    for _ in range(4):
        enqueue(queue="mail")
    first, second = hand(), hand()
    (one,) = first.runs(1)
    (two,) = second.runs(3)
    assert first.runs() == second.runs() == []
    first.finish(one)
    assert len(second.runs()) == 1
    second.finish(two)
    limit(transport, "mail", clear=True)
    assert len(first.runs()) == 1


def test_full_tasks_keys_and_queues_hide_nobody(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    limit(transport, "full", concurrency=1)
    limit(transport, "slow", rate=0.001)
    hand("limited", concurrency=1)
    worker = hand("task")
    worker.tasks = ["limited", "task"]
    crowds: list[dict[str, Any]] = [
        {"queue": "full"}, {"queue": "slow"}, {"concurrency_key": "busy"}, {"task": "limited"}
    ]  # fmt: skip
    for crowd in crowds:
        transport.call("enqueue_many", {"p_jobs": [{"task": "task", **crowd}] * 60})
    assert len(worker.runs(5)) == 4
    free = [enqueue(priority=-1), enqueue(concurrency_key="calm")]
    assert {run["id"] for run in worker.runs(5)} == {*free}


def test_priorities_and_age_decide_within_a_limit(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    hand("limited", concurrency=2)
    low, normal, high = (enqueue("limited", priority=priority) for priority in (-5, 0, 5))
    free = enqueue("free", priority=3)
    worker = hand("free")
    worker.tasks = ["free", "limited"]
    assert [run["id"] for run in worker.runs()] == [high, free, normal]
    sql("update hourhand.job_runs set claim_at = claim_at - interval '1 hour' where id = %s", low)
    young = enqueue("limited", priority=5)
    sql("update hourhand.tasks set concurrency = 3 where name = 'limited'")  # as if it had been deployed anew
    assert [run["id"] for run in worker.runs()] == [low]
    assert young not in {run["id"] for run in worker.runs()}


def test_a_suspect_keeps_to_the_limits(
    hand: Hands, enqueue: Enqueue, end_lease: Callable[[Hand], None], transport: PostgresTransport
) -> None:
    limit(transport, "default", concurrency=1)
    suspect = enqueue()
    victim = hand()
    victim.runs()
    end_lease(victim)
    worker = hand()
    transport.call("rescue")
    other = enqueue(queue="elsewhere")
    (first,) = worker.runs()
    assert first["id"] == suspect
    enqueue()
    assert [run["id"] for run in hand().runs()] == [other]
    worker.finish(first)
    assert len(hand().runs()) == 1


# --- News of a free place ---


@pytest.fixture
def hints(connect: Callable[..., psycopg.Connection]) -> Callable[[], int]:
    """How many hints for workers have come since the last look."""
    listener, marker = connect(), connect()
    listener.execute("listen hourhand_runs")

    def hints() -> int:
        marker.execute("notify hourhand_runs, 'so far'")
        return sum(1 for _ in takewhile(lambda hint: hint.payload != "so far", listener.notifies(timeout=10)))

    return hints


def occupy(limited: str, hand: Hands, enqueue: Enqueue, transport: PostgresTransport) -> Hand:
    """A worker that has taken the only place there is, for which another run waits."""
    if limited == "queue":
        limit(transport, "default", concurrency=1)
    worker = hand("task", **({"concurrency": 1} if limited == "task" else {}))
    for _ in range(2):
        enqueue(concurrency_key="k" if limited == "key" else None)
    return worker


@pytest.mark.parametrize("outcome", ["completed", "retry"])
@pytest.mark.parametrize("limited", ["task", "key", "queue"])
def test_an_end_that_frees_a_place_says_so_once_where_a_run_waits_for_it(
    limited: str,
    outcome: str,
    hand: Hands,
    enqueue: Enqueue,
    transport: PostgresTransport,
    hints: Callable[[], int],
) -> None:
    worker = occupy(limited, hand, enqueue, transport)
    for expected in (1, 0):
        (run,) = worker.runs()
        hints()
        assert worker.finish(run, outcome=outcome, delay=3600) == ["ok"]
        assert hints() == expected


@pytest.mark.parametrize("limited", ["task", "key", "queue"])
def test_whoever_finds_a_run_without_a_place_looks_again_in_a_second(
    limited: str, hand: Hands, enqueue: Enqueue, transport: PostgresTransport
) -> None:
    worker = occupy(limited, hand, enqueue, transport)
    (run,) = worker.runs()
    answer = worker.claim()
    wait = datetime.fromisoformat(answer["next_at"]) - datetime.fromisoformat(answer["now"])
    assert (answer["runs"], wait) == ([], timedelta(seconds=1))
    assert hand("other").claim()["next_at"] is None, "who does not know the task"
    worker.finish(run)
    worker.runs()
    assert worker.claim()["next_at"] is None, "nothing waits any more"


# --- Rates ---


def test_a_bucket_gives_its_burst_and_then_says_when_the_next_token_comes(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    limit(transport, "default", rate=0.5, burst=3)
    for _ in range(6):
        enqueue()
    worker = hand()
    answer = worker.claim()
    assert (len(answer["runs"]), answer["full"]) == (3, False)
    wait = datetime.fromisoformat(answer["next_at"]) - datetime.fromisoformat(answer["now"])
    assert timedelta(seconds=1.9) < wait <= timedelta(seconds=2)
    assert worker.runs() == []
    sql("update hourhand.queues set tokens_at = tokens_at - interval '4 seconds'")
    assert len(worker.runs()) == 2
    worker.finish(*answer["runs"])
    assert worker.runs() == [], "an end gives no token back"
    sql("update hourhand.queues set tokens_at = tokens_at - interval '1 hour'")
    assert len(worker.runs()) == 1
    enqueue(), enqueue(), enqueue()
    assert len(worker.runs()) == 2, "the bucket holds no more than its burst"


def test_a_clock_set_back_takes_no_token_and_gives_none(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    limit(transport, "default", rate=1, burst=5)
    for _ in range(9):
        enqueue()
    worker = hand()
    assert len(worker.runs(2)) == 2
    sql("update hourhand.queues set tokens_at = hourhand.clock() + interval '1 hour'")
    assert len(worker.runs()) == 3
    assert worker.runs() == []


def test_a_rate_does_not_drift_over_many_small_claims(transport: PostgresTransport, sql: Sql) -> None:
    """A third of a token at a time, a hundred thousand times: exactly as many as one look at the end."""
    limit(transport, "default", rate=1 / 3, burst=1_000_000)
    sql("update hourhand.queues set tokens = 0")
    ((tokens, expected),) = sql(
        """
        with part as (
          select interval '1 second' + n * interval '1 microsecond' as span from generate_series(1, 100000) n
        )
        select (select sum(hourhand_parts.queue_tokens(q, q.tokens_at + span)) from part),
          hourhand_parts.queue_tokens(q, q.tokens_at + (select sum(span) from part))
        from hourhand.queues q
        """
    )
    assert 33_000 < tokens == expected


def test_setting_a_limit_again_lets_nothing_more_through(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport
) -> None:
    for _ in range(5):
        enqueue()
    limit(transport, "default", rate=0.01, burst=2)
    assert len(hand().runs()) == 2
    assert limit(transport, "default", rate=0.01, burst=3)["burst"] == 3
    assert hand().runs() == []
    queue = limit(transport, "default", concurrency=4)
    assert (queue["concurrency"], queue["rate"], queue["burst"]) == (4, 0.01, 3)
    assert limit(transport, "default", clear=True)["rate"] is None
    assert len(hand().runs()) == 3


@pytest.mark.parametrize("limits", [{"rate": 0}, {"rate": -1}, {"rate": "NaN"}, {"concurrency": 0}, {"rate": 1, "burst": 0}])  # fmt: skip
def test_a_limit_that_cannot_be_is_refused(transport: PostgresTransport, limits: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        limit(transport, "default", **limits)


def test_who_set_a_limit_is_written_down(transport: PostgresTransport, sql: Sql) -> None:
    limit(transport, "mail", concurrency=2)
    assert sql("select action, subject, after ->> 'concurrency' from hourhand.audit_log") == [
        ("queue.limited", "mail", "2")
    ]
    (queue,) = transport.call("list_queues")["queues"]
    assert (queue["concurrency"], queue["rate"], queue["burst"]) == (2, None, None)


# --- Races, over connections of their own and with real commits ---


class Crowd:
    """Workers that claim, hold and finish as fast as they can, and count what goes on after each claim."""

    def __init__(self, url: str, hands: list[Hand], seconds: float = 2.0) -> None:
        self.url = url
        self.hands = hands
        self.until = time.monotonic() + seconds
        self.seen: list[int] = []
        self.claimed = 0

    def race(self) -> None:
        with ThreadPoolExecutor(len(self.hands)) as pool:
            list(pool.map(self._work, self.hands))

    def _work(self, hand: Hand) -> None:
        dice, held = random.Random(hand.session), []
        transport = PostgresTransport(self.url, application_name="hourhand-tests")
        hand.transport = transport
        with closing(transport), psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < self.until:
                held += hand.runs(dice.randint(1, 4))
                row = connection.execute(
                    "select count(*) from hourhand.job_runs where status = 'processing'"
                ).fetchone()
                self.seen.append(row[0] if row else 0)
                if held and dice.random() < 0.6:
                    self.claimed += hand.finish(held.pop(0)).count("ok")


@pytest.mark.parametrize("limited", ["task", "key", "queue"])
def test_no_race_exceeds_a_limit_or_leaves_its_places_empty(
    hand: Hands, transport: PostgresTransport, database_url: str, limited: str
) -> None:
    options = {"task": {"concurrency": 4}, "key": {"key_concurrency": 4}, "queue": {}}[limited]
    if limited == "queue":
        limit(transport, "default", concurrency=4)
    job = {"task": "task", "concurrency_key": "k" if limited == "key" else None}
    transport.call("enqueue_many", {"p_jobs": [job] * 4000})
    crowd = Crowd(database_url, [hand("task", **options) for _ in range(WORKERS)])
    crowd.race()
    assert crowd.claimed > 20
    assert max(crowd.seen) == 4, Counter(crowd.seen)
    assert sum(crowd.seen) / len(crowd.seen) > 3, Counter(crowd.seen)


@pytest.mark.parametrize("ended", ["commit", "rollback"])
@pytest.mark.parametrize("limited", ["task", "key", "queue"])
def test_of_two_claims_that_look_at_different_runs_one_waits_for_the_other(
    hand: Hands,
    transport: PostgresTransport,
    connect: Callable[..., psycopg.Connection],
    limited: str,
    ended: str,
) -> None:
    """Where both look at the same runs, as in the race above, the locks of the runs alone would keep them apart."""
    if limited == "queue":
        limit(transport, "default", concurrency=1)
    options = {"concurrency": 1} if limited == "task" else {}
    first, second = hand("x", **options), hand("y" if limited == "queue" else "x", **options)
    looks = [(first, "default"), (second, "default" if limited == "queue" else "other")]
    key = "k" if limited == "key" else None
    for worker, queue in looks:
        transport.call("enqueue", {"p_task": worker.tasks[0], "p_queue": queue, "p_concurrency_key": key})

    def claim(connection: psycopg.Connection, worker: Hand, queue: str) -> int:
        query = "select hourhand.claim(%s, p_tasks => to_jsonb(%s::text[]), p_queues => to_jsonb(%s::text[]))"
        row = connection.execute(query, [worker.session, worker.tasks, [queue]]).fetchone()
        return len(row[0]["runs"]) if row else 0

    one, two = connect(autocommit=False), connect()
    with ThreadPoolExecutor(1) as pool:
        assert claim(one, *looks[0]) == 1
        other = pool.submit(claim, two, *looks[1])
        waits = (
            f"select 1 from pg_stat_activity where pid = {two.info.backend_pid} and wait_event_type = 'Lock'"
        )
        eventually(lambda: other.done() or transport.query(waits))
        getattr(one, ended)()
        assert other.result(10) == (0 if ended == "commit" else 1)


def test_no_race_takes_more_than_the_rate(
    hand: Hands, transport: PostgresTransport, database_url: str, sql: Sql
) -> None:
    transport.call("enqueue_many", {"p_jobs": [{"task": "task"}] * 2000})
    crowd = Crowd(database_url, [hand("task") for _ in range(WORKERS)])
    limit(transport, "default", rate=60, burst=6)
    ((began,),) = sql("select tokens_at from hourhand.queues")
    crowd.race()
    # The moment that counts is when the token is taken, under the lock: tokens_at follows it.
    rows = sql(
        "select count(*), 6 + 60 * extract(epoch from hourhand.clock() - %s) from hourhand.job_runs where attempt = 1",
        began,
    )
    assert 60 < rows[0][0] <= rows[0][1]


def test_limits_of_every_kind_at_once_deadlock_nobody_and_finish_everything(
    hand: Hands, transport: PostgresTransport, database_url: str, sql: Sql
) -> None:
    limit(transport, "a", concurrency=3)
    limit(transport, "b", rate=200, burst=20)
    hand("x", concurrency=2)
    hand("y", key_concurrency=2)
    dice = random.Random(7)
    jobs = [
        {
            "task": dice.choice("xyz"),
            "queue": dice.choice("abc"),
            "concurrency_key": dice.choice([None, None, "k1", "k2"]),
            "priority": dice.choice([0, 0, 5, -5]),
        }
        for _ in range(240)
    ]
    transport.call("enqueue_many", {"p_jobs": jobs})
    hands = [hand("z") for _ in range(WORKERS)]
    for worker in hands:
        worker.tasks = ["x", "y", "z"]
    crowd = Crowd(database_url, hands, seconds=4)
    crowd.race()
    worker = hand("z")
    worker.tasks = ["x", "y", "z"]
    sql("update hourhand.services set lease_until = hourhand.clock() where id <> %s", worker.session)
    transport.call("rescue")
    for _ in range(300):
        answer = worker.claim(50)
        worker.finish(*answer["runs"])
        if not answer["runs"] and not sql("select from hourhand.job_runs where status = 'pending'"):
            break
        sql("update hourhand.queues set tokens = burst where rate is not null")
    assert sql("select status, count(*) from hourhand.job_runs group by 1") == [("completed", 240)]
