"""What is tried again, and what is not: against a real server, over a network that fails on demand."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from hourhand.errors import (
    BadInput,
    Conflict,
    ContractMismatch,
    Denied,
    NotFound,
    Timeout,
    TransportError,
    Unavailable,
)
from hourhand.transport.postgres import PostgresTransport
from hourhand.transport.retries import CHANGED, TRANSIENT, retrying
from tests.support import eventually
from tests.support.proxy import Proxy

pytestmark = pytest.mark.usefixtures("probes")


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    return shared_database_url


Tries = Callable[[], int]


@pytest.mark.parametrize("sqlstate", sorted(TRANSIENT | {"08000", "08006", "08P01"}))
def test_what_may_pass_is_tried_again(transport: PostgresTransport, tries: Tries, sqlstate: str) -> None:
    assert transport.call("fail", {"p_code": sqlstate, "p_times": 2}) == "done"
    assert tries() == 3


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("22023", BadInput),
        ("23505", BadInput),
        ("PT422", BadInput),
        ("PT404", NotFound),
        ("PT409", Conflict),
        ("42501", Denied),
        ("42P01", ContractMismatch),
        ("3F000", ContractMismatch),
        ("57014", Timeout),
        ("25001", TransportError),
        ("P0001", TransportError),
        ("XX000", TransportError),
        ("53100", Unavailable),
    ],
)
def test_what_will_not_pass_is_raised_at_once(
    transport: PostgresTransport, tries: Tries, sqlstate: str, kind: type[TransportError]
) -> None:
    with pytest.raises(TransportError) as caught:
        transport.call("fail", {"p_code": sqlstate})
    assert (type(caught.value), caught.value.sqlstate, tries()) == (kind, sqlstate, 1)


@pytest.mark.parametrize("sqlstate", sorted(CHANGED))
def test_what_a_migration_has_just_replaced_is_tried_once_again(
    transport: PostgresTransport, tries: Tries, sqlstate: str
) -> None:
    assert transport.call("fail", {"p_code": sqlstate, "p_times": 1}) == "done"
    with pytest.raises(ContractMismatch):
        transport.call("fail", {"p_code": sqlstate, "p_times": 9})
    assert tries() == 2 + 2


def test_without_retry_there_is_one_try(transport: PostgresTransport, tries: Tries) -> None:
    with pytest.raises(Unavailable):
        transport.call("fail", {"p_code": "40001"}, retry=False)
    assert tries() == 1


def test_patience_ends(database_url: str, tries: Tries) -> None:
    impatient = PostgresTransport(database_url, application_name="impatient", patience=0.5)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="failed on purpose") as caught:
        impatient.call("fail", {"p_code": "40P01"})
    assert time.monotonic() - started < 10
    assert caught.value.sqlstate == "40P01"
    assert tries() > 1
    impatient.close()


def test_close_ends_the_wait_for_the_next_try(database_url: str, tries: Tries) -> None:
    patient = PostgresTransport(database_url, application_name="patient", patience=600)
    ended = threading.Event()

    def call() -> None:
        with pytest.raises(Unavailable):
            patient.call("fail", {"p_code": "57P03"})
        ended.set()

    threading.Thread(target=call).start()
    eventually(lambda: tries() >= 4)
    patient.close()
    assert ended.wait(5)


def test_the_other_side_says_when_to_come_again() -> None:
    moments: list[float] = []

    def call() -> str:
        moments.append(time.monotonic())
        if len(moments) == 1:
            raise Unavailable("busy", sqlstate="53300", retry_after=0.3)
        return "done"

    assert retrying(60, threading.Event())(call) == "done"
    assert 0.3 <= moments[1] - moments[0] < 5


def test_a_retry_after_beyond_all_patience_is_not_waited_for() -> None:
    def call() -> None:
        raise Unavailable("busy", sqlstate="53300", retry_after=3600)

    started = time.monotonic()
    with pytest.raises(Unavailable):
        retrying(60, threading.Event())(call)
    assert time.monotonic() - started < 10


def test_a_call_survives_the_end_of_its_server_process(
    transport: PostgresTransport, tries: Tries, sql: Any
) -> None:
    answers: list[Any] = []
    parameters = {"p_seconds": 60, "p_times": 1}
    thread = threading.Thread(target=lambda: answers.append(transport.call("nap", parameters)))
    thread.start()
    eventually(
        lambda: sql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and wait_event = 'PgSleep'"
        )
    )
    thread.join(10)
    assert answers == ["awake"]
    assert tries() == 2


def test_after_a_restart_every_kept_connection_is_replaced(transport: PostgresTransport, sql: Any) -> None:
    naps = [threading.Thread(target=transport.call, args=("nap", {"p_seconds": 0.3})) for _ in range(4)]
    for nap in naps:
        nap.start()
    for nap in naps:
        nap.join()
    sql(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where datname = current_database() and application_name = 'hourhand-tests'"
    )
    with pytest.raises(Unavailable):
        transport.call("backend", retry=False)
    assert transport.call("backend", retry=False), "one failed try, not one for each kept connection"


def test_a_lost_answer_is_asked_for_again(distant: PostgresTransport, network: Proxy, tries: Tries) -> None:
    assert distant.call("count") == 1
    network.lose_next_answer()
    assert distant.call("count") == 3, "the second try was made, but its answer was lost"
    assert network.accepted == 2


def test_a_lost_answer_is_an_error_without_retry(distant: PostgresTransport, network: Proxy) -> None:
    distant.call("count")
    network.lose_next_answer()
    with pytest.raises(Unavailable, match=r"count: server closed the connection|closed the connection"):
        distant.call("count", retry=False)


def test_an_answer_that_never_comes_is_not_waited_for(distant: PostgresTransport, network: Proxy) -> None:
    assert distant.call("count") == 1
    network.hang_on_next_answer()
    assert distant.call("count") == 3
    assert network.accepted == 2


def test_a_connection_that_broke_between_two_calls_is_replaced(
    distant: PostgresTransport, network: Proxy
) -> None:
    before = distant.call("backend")
    network.break_connections()
    assert distant.call("backend") != before


def test_a_script_is_repeated_too(transport: PostgresTransport, tries: Tries) -> None:
    transport.execute("create table public.once (); select hourhand.fail('40001', 2)")
    assert tries() == 3
    assert transport.query("select count(*) from public.once") == [(0,)]


def test_the_warnings_of_a_script_are_returned(transport: PostgresTransport) -> None:
    script = "do $$ begin raise notice 'a notice'; raise warning 'a warning'; end $$"
    assert transport.execute(script) == ("a warning",)
