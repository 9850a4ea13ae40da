"""The client against a real database; a hand stands in for the worker."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel

from hourhand import AsyncClient, Client, registry, task
from hourhand.errors import (
    BadInput,
    BadPayload,
    BadSchedule,
    BadSetting,
    Conflict,
    Denied,
    EmbeddedError,
    NotFound,
    RunFailed,
    StillRunning,
)
from hourhand.settings import load_settings
from hourhand.transport import Transport
from tests.support.hand import Hand
from tests.support.waiting import eventually


class Feed(BaseModel):
    url: str
    limit: int = 50


@pytest.fixture(autouse=True)
def tasks() -> Iterator[registry.Registry]:
    with registry.isolated() as tasks:
        yield tasks


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url) as client:
        yield client


@pytest.fixture
def hand(transport: Transport) -> Hand:
    return Hand(transport, "ingest-rss", "clean-news")


# --- Enqueue ---


def test_an_enqueued_run_is_pending_with_its_payload(client: Client) -> None:
    handle = client.enqueue("ingest-rss", {"url": "https://a.example"})
    run = client.runs.get(handle.id)
    assert (run.status, run.task, run.payload) == ("pending", "ingest-rss", {"url": "https://a.example"})
    assert handle.outcome == "created"


def test_a_payload_may_be_given_by_its_fields(client: Client) -> None:
    handle = client.enqueue("ingest-rss", url="https://a.example", task_id=3)
    assert handle.run().payload == {"url": "https://a.example", "task_id": 3}


def test_a_payload_and_a_misspelt_option_are_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="priorty"):
        client.enqueue("ingest-rss", {"url": "x"}, priorty=3)


def test_a_payload_may_be_a_model(client: Client) -> None:
    handle = client.enqueue("ingest-rss", Feed(url="https://a.example"))
    assert handle.run().payload == {"url": "https://a.example", "limit": 50}


def test_the_payload_of_a_task_known_here_is_checked(client: Client) -> None:
    @task("ingest-rss")
    def ingest(feed: Feed) -> None: ...

    with pytest.raises(BadPayload, match="url"):
        client.enqueue(ingest, {"limit": 3})
    with pytest.raises(BadPayload, match="limit"):
        client.enqueue("ingest-rss", {"url": "x", "limit": "many"})
    assert client.runs.list() == []


def test_the_options_of_a_task_hold_before_a_worker_has_registered_it(client: Client) -> None:
    @task("heavy", queue="slow", max_attempts=7, timeout=90, priority=5)
    def heavy() -> None: ...

    run = client.enqueue(heavy).run()
    assert (run.queue, run.max_attempts, run.priority) == ("slow", 7, 5)
    assert run.timeout == timedelta(seconds=90)


def test_options_given_win_over_those_of_the_task(client: Client) -> None:
    @task("heavy", queue="slow", max_attempts=7)
    def heavy() -> None: ...

    at = datetime(2100, 1, 1, tzinfo=UTC)
    run = client.enqueue(heavy, queue="fast", max_attempts=2, timeout=timedelta(minutes=1), run_at=at).run()
    assert (run.queue, run.max_attempts, run.timeout, run.run_at) == ("fast", 2, timedelta(minutes=1), at)


def test_a_payload_that_is_no_object_is_refused(client: Client) -> None:
    with pytest.raises(BadPayload, match="object"):
        client.enqueue("ingest-rss", "https://a.example")
    with pytest.raises(BadPayload, match="JSON"):
        client.enqueue("ingest-rss", {"callback": object()})


def test_a_time_without_zone_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="time zone"):
        client.enqueue("ingest-rss", run_at=datetime(2100, 1, 1))  # noqa: DTZ001


def test_the_same_key_finds_the_run_of_the_first_call(client: Client) -> None:
    first = client.enqueue("ingest-rss", key="feed-1")
    second = client.enqueue("ingest-rss", key="feed-1")
    assert (second.id, second.outcome) == (first.id, "existing")


def test_a_key_counts_within_its_scope(client: Client) -> None:
    first = client.enqueue("ingest-rss", key="1")
    assert client.enqueue("clean-news", key="1").outcome == "created"
    assert client.enqueue("clean-news", key="1", key_scope="ingest-rss").id == first.id


def test_a_pending_run_can_be_replaced_by_its_key(client: Client) -> None:
    first = client.enqueue("ingest-rss", {"limit": 1}, key="1")
    second = client.enqueue("ingest-rss", {"limit": 2}, key="1", on_conflict="replace")
    assert (second.id, second.outcome) == (first.id, "replaced")
    assert first.run().payload == {"limit": 2}


def test_a_repeated_call_whose_answer_was_lost_makes_one_run(client: Client, transport: Transport) -> None:
    calls: list[dict[str, object]] = []
    real = client.transport.call

    def losing(function: str, params: dict[str, object], *, retry: bool = True) -> object:
        real(function, params)
        calls.append(params)
        return real(function, params)  # what a transport does when the first answer got lost

    client.transport.call = losing  # type: ignore[method-assign, assignment]
    handle = client.enqueue("ingest-rss")
    client.transport.call = real  # type: ignore[method-assign]
    assert handle.outcome == "created"
    assert [run.id for run in client.runs.list()] == [handle.id]
    assert len(calls) == 1


def test_many_runs_come_back_in_order(client: Client) -> None:
    handles = client.enqueue_many("ingest-rss", ({"n": n} for n in range(2500)), priority=3)
    assert len(handles) == 2500
    assert [handles[n].run().payload for n in (0, 999, 1000, 2499)] == [
        {"n": n} for n in (0, 999, 1000, 2499)
    ]
    assert handles[7].run().priority == 3


def test_large_payloads_go_in_calls_of_a_bounded_size(client: Client) -> None:
    sizes: list[int] = []
    real = client.transport.call

    def counting(function: str, params: dict[str, list[object]], *, retry: bool = True) -> object:
        sizes.append(len(params["p_payloads"]))
        return real(function, params)

    client.transport.call = counting  # type: ignore[method-assign, assignment]
    handles = client.enqueue_many("ingest-rss", [{"text": "x" * 200_000}] * 45)
    assert len(handles) == 45
    assert len(sizes) > 1
    assert max(sizes) * 200_000 < 8_000_000


def test_many_runs_with_keys_find_those_that_exist(client: Client) -> None:
    client.enqueue("ingest-rss", {"url": "b"}, key="b")
    handles = client.enqueue_many("ingest-rss", [{"url": "a"}, {"url": "b"}], key=lambda feed: feed["url"])
    assert [handle.outcome for handle in handles] == ["created", "existing"]


def test_a_misspelt_option_of_many_is_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="priorty"):
        client.enqueue_many("ingest-rss", [{}], priorty=3)  # type: ignore[call-arg]


def test_one_bad_payload_among_many_enqueues_none_of_its_call(client: Client) -> None:
    @task("ingest-rss")
    def ingest(feed: Feed) -> None: ...

    with pytest.raises(BadPayload):
        client.enqueue_many(ingest, [{"url": "a"}, {"limit": 1}])
    assert client.runs.list() == []


def test_repeated_keys_of_one_call_count_once(client: Client) -> None:
    handles = client.enqueue_many("ingest-rss", [{"n": 1}, {"n": 2}, {"n": 3}], key=lambda p: str(p["n"] % 2))
    assert [handle.outcome for handle in handles] == ["created", "created", "existing"]
    assert handles[2].id == handles[0].id
    assert handles[0].run().payload == {"n": 1}


def test_many_runs_can_replace_what_their_keys_hold(client: Client) -> None:
    old = client.enqueue("ingest-rss", {"n": 1}, key="1")
    handles = client.enqueue_many(
        "ingest-rss", [{"n": 2}, {"n": 3}], key=lambda p: str(p["n"] - 1), on_conflict="replace"
    )
    assert [handle.outcome for handle in handles] == ["replaced", "created"]
    assert old.run().payload == {"n": 2}


def test_many_runs_whose_answer_was_lost_are_made_once(client: Client) -> None:
    real, calls = client.transport.call, []

    def twice(function: str, params: dict[str, object], *, retry: bool = True) -> object:
        calls.append(real(function, params, retry=retry))
        return real(function, params, retry=retry)

    client.transport.call = twice  # type: ignore[method-assign, assignment]
    handles = client.enqueue_many("ingest-rss", [{"n": 1}, {"n": 2}])
    assert [handle.id for handle in handles] == calls[0]["ids"]
    assert len(client.runs.list()) == 2


# --- COPY ---


def test_copied_runs_are_those_that_enqueue_makes(client: Client, transport: Transport) -> None:
    transport.call(
        "open_session",
        {
            "p_session": "00000000-0000-0000-0000-000000000001",
            "p_kind": "worker",
            "p_name": "w",
            "p_tasks": [{"name": "ingest-rss", "queue": "feeds", "max_attempts": 7, "timeout": 90}],
        },
    )
    payload = {"text": 'tab\t, line\nend, back\\slash, "quotes", \\N and ünïcödé'}
    assert client.copy_runs("ingest-rss", [payload] * 3, priority=5, concurrency_key="a\tb\\") == 3
    like = client.enqueue("ingest-rss", payload, priority=5, concurrency_key="a\tb\\").run()
    for listed in client.runs.list(task="ingest-rss")[1:]:
        run = client.runs.get(listed.id)
        assert run.payload == payload
        own = {"id", "run_at", "created_at", "claim_at", "unique_key", "now"}
        assert run.model_dump(exclude=own) == like.model_dump(exclude=own)


def test_copied_runs_wake_a_worker(client: Client, transport: Transport) -> None:
    woken = threading.Event()
    listener = transport.listen(["hourhand_runs"], lambda _: woken.set())
    assert listener is not None
    eventually(lambda: listener.working)
    woken.clear()
    client.copy_runs("ingest-rss", [{}])
    assert woken.wait(5)
    listener.close()


def test_one_bad_payload_copies_nothing(client: Client) -> None:
    @task("ingest-rss")
    def ingest(feed: Feed) -> None: ...

    with pytest.raises(BadPayload):
        client.copy_runs(ingest, ({"url": "a"} if n < 5000 else {"limit": 1} for n in range(5001)))
    assert client.runs.list() == []
    with pytest.raises(BadInput):
        client.copy_runs("clean-news", [{}, {"nul": "\0"}])
    assert client.runs.list() == []
    assert client.copy_runs("clean-news", [{}]) == 1


def test_a_key_cannot_be_copied(client: Client) -> None:
    with pytest.raises(TypeError, match="key_scope"):
        client.copy_runs("ingest-rss", [{}], key_scope="x")  # type: ignore[call-arg]


def test_what_row_security_holds_for_cannot_copy_and_is_told_what_can(
    database_url: str, sql: Callable[..., object]
) -> None:
    role = f"hourhand_copier_{uuid.uuid4().hex[:8]}"
    sql(f"create role {role} login in role hourhand_worker")
    try:
        address = urlsplit(database_url)
        netloc = f"{role}@{address.netloc.rpartition('@')[2]}"
        with Client(address._replace(netloc=netloc).geturl()) as client:
            with pytest.raises(Denied) as told:
                client.copy_runs("ingest-rss", [{}])
            assert "enqueue_many" in str(told.value.hint)
            assert len(client.enqueue_many("ingest-rss", [{}])) == 1
    finally:
        sql(f"drop role {role}")


def test_over_supabase_there_is_no_copy() -> None:
    settings = load_settings(
        supabase_url="http://127.0.0.1:9", supabase_key="sb_secret_x", transport="supabase"
    )
    with Client(settings=settings) as client, pytest.raises(BadSetting) as told:
        client.copy_runs("ingest-rss", [{}])
    assert "enqueue_many" in str(told.value.hint)


# --- Waiting ---


def test_the_result_of_a_completed_run_is_returned(client: Client, hand: Hand) -> None:
    handle = client.enqueue("ingest-rss")
    hand.work(result={"items": 12})
    assert handle.result(timeout=5) == {"items": 12}
    assert handle.status() == "completed"


def test_a_result_is_waited_for(client: Client, hand: Hand) -> None:
    handle = client.enqueue("ingest-rss")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(handle.result, 10)
        assert not waiting.done()
        hand.work(result=3)
        assert waiting.result(10) == 3


def test_an_ended_run_is_seen_even_without_time_to_wait(client: Client, hand: Hand) -> None:
    handle = client.enqueue("ingest-rss")
    hand.work(result=3)
    assert handle.result(timeout=0) == 3


def test_a_failed_run_raises_its_error(client: Client, hand: Hand) -> None:
    handle = client.enqueue("ingest-rss")
    hand.work("failed", error={"class": "ValueError", "message": "no such feed"})
    with pytest.raises(RunFailed, match="no such feed"):
        handle.result(timeout=5)


def test_a_cancelled_run_raises_that_it_was(client: Client) -> None:
    handle = client.enqueue("ingest-rss")
    assert handle.cancel("not needed") == "cancelled"
    with pytest.raises(RunFailed, match="was cancelled"):
        handle.result(timeout=5)


def test_waiting_ends_when_the_time_is_over(client: Client) -> None:
    handle = client.enqueue("ingest-rss")
    with pytest.raises(StillRunning, match=f"run {handle.id}"):
        handle.wait(timeout=0)
    with pytest.raises(TimeoutError):
        handle.result(timeout=timedelta(milliseconds=120))


# --- Runs ---


def test_runs_are_listed_newest_first_by_what_they_match(client: Client, hand: Hand) -> None:
    failed = client.enqueue("ingest-rss")
    hand.work("failed", error={"class": "ValueError", "message": "no such feed"})
    first, second = client.enqueue("ingest-rss"), client.enqueue("clean-news", queue="slow")
    assert [run.id for run in client.runs.list()] == [second.id, first.id, failed.id]
    assert [run.id for run in client.runs.list(status="pending", task="ingest-rss")] == [first.id]
    assert [run.id for run in client.runs.list(status=["failed", "completed"])] == [failed.id]
    assert [run.id for run in client.runs.list(queue="slow")] == [second.id]
    assert [run.id for run in client.runs.list(error="SUCH feed")] == [failed.id]
    assert [run.id for run in client.runs.list(before=second.id, limit=1)] == [first.id]
    assert client.runs.list(since=client.now() + timedelta(hours=1)) == []


def test_a_long_list_is_read_in_pages(client: Client) -> None:
    client.enqueue_many("ingest-rss", [{}] * 1200)
    assert len(client.runs.list(limit=1100)) == 1100
    assert len(client.runs.list(limit=5000)) == 1200


def test_an_ended_run_can_be_retried_with_another_payload(client: Client, hand: Hand) -> None:
    handle = client.enqueue("ingest-rss", {"limit": 1})
    with pytest.raises(Conflict):
        client.runs.retry(handle.id)
    hand.work("failed")
    again = client.runs.retry(handle.id, {"limit": 2}).run()
    assert (again.retry_of, again.trigger, again.payload) == (handle.id, "retry", {"limit": 2})


def test_a_run_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match="no run 4711"):
        client.runs.get(4711)


def test_the_lines_of_a_run_are_read_in_order(client: Client, hand: Hand) -> None:
    handle = client.enqueue("ingest-rss")
    [run] = hand.claim()
    hand.log(run, "one", "two", "three")
    lines = client.runs.logs(handle.id, limit=2)
    assert [line.message for line in lines] == ["one", "two"]
    assert [line.message for line in client.runs.logs(handle.id, after=lines[-1].id)] == ["three"]


# --- Schedules ---


def test_a_schedule_is_created_with_its_fields(client: Client) -> None:
    schedule = client.schedules.create(
        name="news", task="ingest-rss", cron=["*/15 * * * *", "0 3 * * *"], timezone="Europe/Berlin",
        payload={"limit": 5}, timeout="90s", jitter=10, tags=["feeds"],
    )  # fmt: skip
    assert schedule.cron == "*/15 * * * *;0 3 * * *"
    assert (schedule.timezone, schedule.payload, schedule.tags) == ("Europe/Berlin", {"limit": 5}, ("feeds",))
    assert [each.id for each in client.schedules.list(search="NEW")] == [schedule.id]
    assert client.schedules.get("news").id == schedule.id == client.schedules.get(str(schedule.id)).id


def test_a_name_is_taken_once(client: Client) -> None:
    client.schedules.create("news", "ingest-rss", every="15m")
    with pytest.raises(Conflict, match="news"):
        client.schedules.create("news", "ingest-rss", every="20m")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "neither cron, every nor run_at"),
        ({"cron": "* * * * *", "every": 60}, "cron and every are given"),
        ({"cron": "61 * * * *"}, "61"),
        ({"cron": "* * * * *", "timezone": "Europe/Berln"}, "Europe/Berln"),
        ({"every": "often"}, "often"),
        ({"every": 0}, "every"),
        ({"cron": "0 0 30 2 *"}, "0 0 30 2"),
    ],
)
def test_a_bad_timing_is_refused_before_it_is_saved(
    client: Client, fields: dict[str, object], said: str
) -> None:
    with pytest.raises(BadSchedule) as refused:
        client.schedules.create("news", "ingest-rss", **fields)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert client.schedules.list() == []


def test_an_unknown_field_is_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="crn"):
        client.schedules.create("news", "ingest-rss", crn="* * * * *")  # type: ignore[call-arg]


def test_the_payload_of_a_schedule_is_checked_when_its_task_is_known(client: Client) -> None:
    @task("ingest-rss")
    def ingest(feed: Feed) -> None: ...

    with pytest.raises(BadPayload):
        client.schedules.create("news", ingest, every=60, payload={"limit": 5})
    client.schedules.create("news", ingest, every=60, payload=Feed(url="x"))
    with pytest.raises(BadPayload):
        client.schedules.update("news", payload={"url": 5})


def test_an_update_changes_what_is_given_and_nothing_else(client: Client) -> None:
    client.schedules.create("news", "ingest-rss", every="15m", description="Feeds")
    changed = client.schedules.update("news", catch_up="skip", description=None, task="clean-news")
    assert (changed.every, changed.description, changed.task) == (timedelta(minutes=15), None, "clean-news")


def test_another_kind_of_timing_takes_the_place_of_the_one_before(client: Client) -> None:
    client.schedules.create("news", "ingest-rss", every="15m")
    changed = client.schedules.update("news", cron="0 3 * * *")
    assert (changed.every, changed.cron) == (None, "0 3 * * *")


def test_a_changed_zone_is_checked_together_with_the_timing_there_is(client: Client) -> None:
    client.schedules.create("news", "ingest-rss", cron="0 3 * * *")
    assert client.schedules.update("news", timezone="Asia/Tokyo").timezone == "Asia/Tokyo"
    with pytest.raises(BadSchedule):
        client.schedules.update("news", timezone="Tokyo/Asia")


def test_an_aware_instant_is_kept_as_local_time_in_its_zone(client: Client) -> None:
    at = datetime(2100, 7, 1, 10, tzinfo=UTC)
    in_berlin = client.schedules.create("one", "ingest-rss", run_at=at, timezone="Europe/Berlin")
    assert (in_berlin.run_at, in_berlin.timezone) == (datetime(2100, 7, 1, 12), "Europe/Berlin")  # noqa: DTZ001
    anywhere = client.schedules.create("two", "ingest-rss", run_at=at)
    assert (anywhere.run_at, anywhere.timezone) == (datetime(2100, 7, 1, 10), "UTC")  # noqa: DTZ001


def test_a_schedule_is_paused_resumed_triggered_and_deleted(client: Client) -> None:
    client.schedules.create("news", "ingest-rss", every="15m", payload={"limit": 5})
    assert client.schedules.pause("news", note="holiday").is_active is False
    assert client.schedules.resume("news").is_active is True
    run = client.schedules.trigger("news", {"limit": 6}).run()
    assert (run.trigger, run.payload) == ("manual", {"limit": 6})
    client.schedules.delete("news")
    with pytest.raises(NotFound, match="news"):
        client.schedules.get("news")


# --- The client itself ---


def test_without_a_database_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("DATABASE_URL", "POSTGRES_URL", "DATABASE_PRIMARY_URL", "SUPABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOURHAND_DATA_DIR", str(tmp_path))
    with Client() as client, pytest.raises(EmbeddedError, match="no embedded one runs"):
        client.now()


def test_the_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Client() as client:
        assert client.enqueue("ingest-rss").status() == "pending"


def test_a_wrong_address_is_refused_at_once() -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL"):
        Client("mysql://somewhere")


def test_threads_share_a_client(client: Client) -> None:
    ready = threading.Barrier(4)

    def enqueue(n: int) -> int:
        ready.wait()
        return client.enqueue("ingest-rss", {"n": n}).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(enqueue, range(4)))) == 4


# --- Asynchronous ---


def test_every_method_can_be_awaited(database_url: str, hand: Hand) -> None:
    async def go() -> None:
        async with AsyncClient(database_url) as client:
            handle = await client.enqueue("ingest-rss", {"url": "a"}, priority=1)
            many = await client.enqueue_many("clean-news", [{}, {}], key=None)
            waiting = asyncio.gather(handle.result(timeout=10), *(each.wait(10) for each in many))
            assert await handle.status() == "pending"
            await asyncio.to_thread(hand.work, result=7)
            result, *runs = await waiting
            assert result == 7
            assert all(run.ended for run in runs)
            again = await client.runs.retry(handle.id)
            assert await again.cancel() == "cancelled"
            await client.schedules.create("news", "ingest-rss", every=60)
            triggered = await client.schedules.trigger("news")
            with pytest.raises(StillRunning):
                await triggered.wait(timeout=0.01)
            assert [schedule.name for schedule in await client.schedules.list()] == ["news"]

    asyncio.run(go())


def test_the_asynchronous_client_has_every_public_method() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    from hourhand.handle import AsyncHandle, Handle
    from hourhand.runs import AsyncRuns, Runs
    from hourhand.schedules import AsyncSchedules, Schedules

    assert public(Client) - public(AsyncClient) == {"transport"}
    assert public(Runs) == public(AsyncRuns)
    assert public(Schedules) == public(AsyncSchedules)
    assert public(Handle) - public(AsyncHandle) == set()
