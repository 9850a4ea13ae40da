"""The database goes away and comes back."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hourhand.errors import Unavailable
from hourhand.log.lines import Line
from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.worker import Worker
from tests.support import eventually
from tests.support.proxy import Proxy, proxy
from tests.worker.workshop import Workshop


@pytest.fixture
def network(shop: Workshop) -> Iterator[Proxy]:
    with proxy(shop.url) as it:
        yield it


def test_work_goes_on_while_the_database_is_away_and_its_result_is_delivered_afterwards(
    shop: Workshop, network: Proxy, lines: list[Line]
):
    begun, done, ended = threading.Event(), threading.Event(), threading.Event()

    @task("slow")
    def slow(run: Run) -> str:
        begun.set()
        done.wait(30)
        run.log.info("still here")
        ended.set()
        return "done"

    run = shop.enqueue("slow")
    with shop.working(url=network.url, lease=60):
        assert begun.wait(10)
        network.refusing = True
        network.break_connections()
        done.set()
        assert ended.wait(10)
        eventually(lambda: network.accepted > 5, 20)
        assert shop.status(run) == "processing"
        network.refusing = False
        eventually(lambda: shop.status(run) == "completed", 30)
    assert shop.run(run)["attempt"] == 1
    assert shop.logs(run) == [("INFO", "still here")]
    assert sum(line.event == "session.opened" for line in lines) == 1


def test_what_was_done_in_an_outage_longer_than_the_lease_is_not_done_again(
    shop: Workshop, network: Proxy, lines: list[Line]
):
    """Nobody else has taken the run, and its own worker delivers it before it gives its session up."""
    begun, done = threading.Event(), threading.Event()
    ran = []

    @task("slow")
    def slow(run: Run) -> str:
        ran.append(run.attempt)
        begun.set()
        done.wait(30)
        return "done"

    run = shop.enqueue("slow")

    def told(event: str) -> int:
        return sum(line.event == event for line in lines)

    with shop.working(url=network.url, lease=1, worker_poll=200):
        assert begun.wait(10)
        network.refusing = True
        network.break_connections()
        done.set()
        ended = (
            "select count(*) from hourhand.services where lease_until < clock_timestamp() - interval '1 s'"
        )
        eventually(lambda: shop.transport.query(ended)[0][0], 20)
        network.refusing = False
        eventually(lambda: shop.status(run) == "completed", 30)
        eventually(lambda: told("session.opened") == 2, 20)
        eventually(lambda: told("loop.recovered") == told("loop.failed"), 20)
    assert ran == [1]
    assert shop.outcomes(run) == []
    assert told("session.lost") == 1
    # However many parts noticed. The calls themselves are patient, so perhaps none did.
    assert told("loop.failed") <= 1


def test_answers_that_are_lost_neither_lose_nor_double_a_run(shop: Workshop, network: Proxy):
    counted = []

    @task("count")
    def count(n: int) -> None:
        counted.append(n)
        if n % 3 == 0:
            network.lose_next_answer()

    runs = [shop.enqueue("count", {"n": n}) for n in range(20)]
    shop.drain(url=network.url, lease=60)
    assert sorted(counted) == list(range(20))
    assert {shop.status(run) for run in runs} == {"completed"}
    assert {shop.run(run)["attempt"] for run in runs} == {1}


class Forgetful(PostgresTransport):
    """Loses the first answer that brings runs, when nothing repeats the call."""

    lost = False

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        answer = super().call(function, params, retry=retry)
        if function == "claim" and answer["runs"] and not self.lost:
            self.lost = True
            raise Unavailable("the answer was lost")
        return answer


def test_a_claim_whose_answer_was_lost_for_good_is_made_again_under_its_own_id(shop: Workshop):
    @task("noop")
    async def noop() -> None: ...

    run = shop.enqueue("noop")
    transport = Forgetful(shop.url, application_name="hourhand-worker")
    # With such a lease nobody else would give the run back during the test.
    worker = Worker(shop.settings(lease=600), shop.tasks, transport)
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: shop.status(run) == "completed")
    assert transport.lost
    worker.stop()
    thread.join(20)
    transport.close()


def test_a_worker_that_starts_before_its_database_waits_for_it(shop: Workshop, network: Proxy):
    @task("noop")
    async def noop() -> None: ...

    run = shop.enqueue("noop")
    network.refusing = True
    with shop.working(url=network.url):
        eventually(lambda: network.accepted > 1)
        network.refusing = False
        eventually(lambda: shop.status(run) == "completed", 30)
