"""HTTP that fails in every way: no call fails for it, and none is done twice."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import psycopg
import pytest

from hourhand.errors import HourhandError, Timeout, Unavailable
from hourhand.transport.supabase import SupabaseTransport
from tests.support import http_proxy
from tests.support.databases import Postgres
from tests.support.hand import Hand
from tests.support.http_proxy import Fault, HttpProxy
from tests.support.postgrest import PostgREST, give_to_owner, postgrest

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def project(
    postgres: Postgres, supabase_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgREST]:
    """One for all tests here: each has a queue and a task of its own."""
    with postgres.database(template=supabase_template) as url:
        give_to_owner(url)
        with postgrest(url, tmp_path_factory.mktemp("faults") / "postgrest.log") as it:
            yield it


@pytest.fixture
def network(project: PostgREST) -> Iterator[HttpProxy]:
    with http_proxy.http_proxy(project.url) as it:
        yield it


@pytest.fixture
def transport(network: HttpProxy, project: PostgREST) -> Iterator[SupabaseTransport]:
    with closing(distant(network, project)) as it:
        yield it


def distant(network: HttpProxy, project: PostgREST, patience: float = 20) -> SupabaseTransport:
    return SupabaseTransport(
        network.url,
        project.key,
        application_name="distant",
        rest_path="",
        patience=patience,
        answer_within=0.5,
    )


class Counted:
    """A transport that counts its calls and those that failed."""

    name = "supabase"

    def __init__(self, transport: SupabaseTransport) -> None:
        self.transport = transport
        self.calls = 0
        self.failed = 0

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        self.calls += 1
        try:
            return self.transport.call(function, params, retry=retry)
        except HourhandError:
            self.failed += 1
            raise

    def listen(self, *_: Any) -> None:
        return None

    def close(self) -> None:
        self.transport.close()


def doubled(project: PostgREST, task: str, runs: int) -> int:
    """How many runs there are too many, and how many were claimed or ended more than once."""
    with psycopg.connect(project.database_url) as database:
        row = database.execute(
            "select count(*) - %s + count(*) filter (where attempt <> 1 or status <> 'completed')"
            " + (select count(*) from hourhand.job_run_attempts a join hourhand.job_runs r on r.id = a.run_id"
            "    where r.task = %s)"
            " from hourhand.job_runs where task = %s",
            [runs, task, task],
        ).fetchone()
    assert row is not None
    return int(row[0])


RUNS = 30

FAULTS: dict[str, tuple[Fault, float]] = {
    "none": (http_proxy.passes, 1.0),
    "answer lost after the commit": (http_proxy.loses_the_answer, 0.3),
    "answer cut in the middle": (http_proxy.cuts_the_answer, 0.3),
    "connection reset": (http_proxy.resets, 0.3),
    "keep-alive ended unannounced": (http_proxy.ends_the_connection_afterwards, 0.5),
    "502 with HTML": (http_proxy.bad_gateway, 0.3),
    "503 with HTML": (http_proxy.unavailable, 0.3),
    "200 with HTML": (http_proxy.page, 0.3),
    "429 with Retry-After": (http_proxy.too_many, 0.1),
    "half-open": (http_proxy.is_half_open, 0.1),
    "slow": (http_proxy.is_slow, 0.2),
}


@pytest.mark.parametrize("name", FAULTS)
def test_no_call_fails_and_none_is_done_twice(
    name: str, project: PostgREST, network: HttpProxy, transport: SupabaseTransport, record_property: Tell
) -> None:
    fault, share = FAULTS[name]
    counted, task = Counted(transport), f"task-{uuid.uuid4()}"
    network.fail(fault, share)
    hand = Hand(counted, task)
    for number in range(RUNS):
        counted.call("enqueue", {"p_task": task, "p_key": f"{number}"})
    ended = [run for _ in range(RUNS // 5) for run in hand.work()]
    ended += [run for _ in range(RUNS // 10) for run in hand.work()]
    twice = doubled(project, task, RUNS)
    record_property(
        "fault",
        f"{name:<30} {counted.calls:>5} {counted.failed:>7} {twice:>8}   ({network.requests} requests)",
    )
    assert sorted(ended) == sorted(set(ended))
    assert (len(ended), counted.failed, twice) == (RUNS, 0, 0)
    if name not in ("none", "slow", "keep-alive ended unannounced"):
        assert network.requests > counted.calls


def test_of_a_thousand_calls_none_fails_while_connections_come_and_go(
    project: PostgREST, network: HttpProxy, transport: SupabaseTransport, record_property: Tell
) -> None:
    network.fail(http_proxy.ends_the_connection_afterwards, 0.3)
    counted, task = Counted(transport), f"task-{uuid.uuid4()}"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: counted.call("enqueue", {"p_task": task, "p_key": f"{n}"}), range(1000)))
    hand = Hand(counted, task)
    while hand.work():
        pass
    twice = doubled(project, task, 1000)
    told = f"{'connections come and go, 8 threads':<30} {counted.calls:>5} {counted.failed:>3} {twice:>8}"
    record_property("fault", f"{told}   ({network.requests} requests)")
    assert (counted.failed, twice) == (0, 0)


@pytest.mark.parametrize(
    "fault",
    [http_proxy.bad_gateway, http_proxy.page, http_proxy.resets, http_proxy.is_half_open],
    ids=["502", "page", "reset", "half-open"],
)
def test_what_does_not_pass_is_unavailable_when_patience_ends(
    network: HttpProxy, project: PostgREST, fault: Fault
) -> None:
    network.fail(fault)
    with closing(distant(network, project, patience=1)) as transport, pytest.raises(Unavailable) as caught:
        transport.call("info")
    assert caught.value.hint


def test_nobody_waits_longer_than_the_other_side_asks_within_patience(
    network: HttpProxy, project: PostgREST
) -> None:
    network.fail(http_proxy.answers(429, {"Retry-After": "120"}))
    with closing(distant(network, project)) as transport, pytest.raises(Unavailable) as caught:
        transport.call("info")
    assert (caught.value.retry_after, caught.value.http_status, network.requests) == (120, 429, 1)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("in an hour", 3000, 3600),
        ("soon", None, None),
    ],
    ids=["seconds", "a date", "neither"],
)
def test_the_other_side_asks_for_seconds_or_until_a_date(
    network: HttpProxy, project: PostgREST, value: str, least: float | None, most: float
) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    network.fail(http_proxy.answers(503, {"Retry-After": value.replace("in an hour", in_an_hour)}))
    with closing(distant(network, project)) as transport, pytest.raises(Unavailable) as caught:
        transport.call("info", retry=False)
    asked = caught.value.retry_after
    assert asked is None if least is None else least <= (asked or 0) <= most


def test_a_call_that_was_cut_off_by_the_server_is_not_repeated(
    project: PostgREST, network: HttpProxy, transport: SupabaseTransport
) -> None:
    body = b'{"code":"57014","message":"canceling statement due to statement timeout","details":null,"hint":null}'
    network.fail(http_proxy.says(500, body))
    with pytest.raises(Timeout, match="statement timeout"):
        transport.call("info")
    assert network.requests == 1


def test_a_transport_that_is_closed_makes_no_further_attempt(
    network: HttpProxy, transport: SupabaseTransport
) -> None:
    network.fail(http_proxy.unavailable)
    failed = threading.Event()

    def call() -> None:
        with pytest.raises(Unavailable):
            transport.call("info")
        failed.set()

    thread = threading.Thread(target=call)
    thread.start()
    transport.close()
    assert failed.wait(5)
    thread.join()
    with pytest.raises(Unavailable, match="has been closed"):
        transport.call("info")
