"""`hourhand doctor --test-pipeline` where something is missing; where all is there: tests/contract."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from hourhand import Client
from hourhand.check import NAME, check
from hourhand.transport import Transport
from hourhand_admin import pipeline
from tests.cli.conftest import Done, Hourhand
from tests.support.hand import Hand
from tests.support.waiting import eventually

Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "RESTARTING", 0.0)


@pytest.fixture
def hand(transport: Transport) -> Hand:
    return Hand(transport, check.definition)


@pytest.fixture
def sent(hourhand: Hourhand, client: Client) -> Callable[..., Done]:
    """Tests the pipeline; whatever becomes of it, no run is left that waits, and no schedule."""

    def sent(*options: object, timeout: str = "20s") -> Done:
        done = hourhand("doctor", "--test-pipeline", "--timeout", timeout, *options)
        assert not client.runs.list(status="pending")
        assert not client.schedules.list()
        return done

    return sent


def stuck(done: Done) -> str:
    """The finding of the pipeline, with what to try."""
    assert done.code == 1
    lines = done.out.splitlines()
    [at] = [number for number, line in enumerate(lines) if " pipeline-" in line]
    return " ".join(lines[at].split()) + " " + lines[at + 1].strip()


def test_without_a_worker_it_says_so_and_cancels_the_run(sent: Callable[..., Done], client: Client) -> None:
    found = stuck(sent())
    assert "pipeline-claim: the run of the test was not taken: no worker is alive" in found
    assert "hourhand worker" in found
    [run] = client.runs.list()
    assert (run.task, run.status) == (NAME, "cancelled")


def test_a_paused_queue_is_named(sent: Callable[..., Done], hand: Hand, hourhand: Hourhand) -> None:
    hourhand("queue", "pause", "default")
    assert "queue default is paused Open it: hourhand queue resume default" in stuck(sent())


def test_a_full_queue_is_named(
    sent: Callable[..., Done], hand: Hand, hourhand: Hourhand, client: Client
) -> None:
    hourhand("queue", "limit", "default", "--concurrency", "1")
    client.enqueue(check, word="first")
    hand.claim()
    assert "queue default is full" in stuck(sent())


def test_a_queue_from_which_nobody_takes_is_named(
    sent: Callable[..., Done], hand: Hand, transport: Transport
) -> None:
    transport.call("beat", {"p_session": hand.session, "p_stats": {"queues": ["feeds", "mail"]}})
    assert "takes from queue default; they take from feeds, mail" in stuck(sent())
    assert "takes from" not in stuck(sent("--queue", "mail", timeout="100ms"))


def test_workers_that_are_too_old_are_named(sent: Callable[..., Done], transport: Transport) -> None:
    Hand(transport, "clean-news")
    assert "knows hourhand.check (worker-1 is 0)" in stuck(sent())


def test_workers_that_are_busy_are_suspected(sent: Callable[..., Done], hand: Hand) -> None:
    assert "not taken within 100ms, though a worker is alive" in stuck(sent(timeout="100ms"))


def test_a_run_that_fails_or_returns_something_else_is_told(sent: Callable[..., Done], hand: Hand) -> None:
    with working(hand, "failed", error={"class": "OSError", "message": "no disk"}):
        assert "pipeline-run: run 1 of the test failed: OSError: no disk" in stuck(sent())
    with working(hand, "completed", result="other"):
        assert "returned 'other', not what was sent" in stuck(sent())


def test_a_run_that_does_not_end_is_told_and_asked_to_stop(
    sent: Callable[..., Done], hand: Hand, client: Client
) -> None:
    with working(hand, None):
        assert "was taken, but has not ended within 2s" in stuck(sent(timeout="2s"))
    [run] = client.runs.list()
    assert client.call("get_run", p_run_id=run.id)["cancel_requested_at"]


def test_a_run_that_somebody_cancels_is_told(sent: Callable[..., Done], hand: Hand, client: Client) -> None:
    def cancel() -> None:
        [run] = eventually(lambda: client.runs.list(status="pending"), 10)
        client.runs.cancel(run.id, "not now")

    with beside(cancel):
        assert "pipeline-run: run 1 of the test cancelled: not now" in stuck(sent())


def test_without_a_scheduler_the_schedule_is_not_fired(sent: Callable[..., Done], hand: Hand) -> None:
    assert "pipeline-fire: the schedule of the test was not fired: no scheduler" in stuck(sent("--schedule"))


def test_a_scheduler_that_does_not_fire_is_told(
    sent: Callable[..., Done], hand: Hand, transport: Transport
) -> None:
    Hand(transport, kind="scheduler")
    told = stuck(sent("--schedule", timeout="100ms"))
    assert "not fired within 100ms, though a scheduler is alive" in told


def test_json_says_how_far_it_came(sent: Callable[..., Done], hand: Hand) -> None:
    told = sent("--json", timeout="100ms").json
    assert [step["id"] for step in told["pipeline"]] == ["sent"]
    assert told["pipeline"][0]["ms"] > 0
    assert "pipeline-claim" in [finding["id"] for finding in told["findings"]]


def test_without_a_database_nothing_is_sent(hourhand: Hourhand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourhand_admin.terminal.session._PATIENCE", 0.1)
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = hourhand("doctor", "--test-pipeline", "--json", DATABASE_URL=url)
    assert (done.code, "pipeline" in done.json) == (69, False)


def test_its_options_go_with_it_alone(hourhand: Hourhand) -> None:
    assert hourhand("doctor", "--schedule").code == 2
    assert hourhand("doctor", "--queue", "mail").code == 2


def test_a_worker_role_may_test_it(
    hourhand: Hourhand, hand: Hand, sql: Sql, database_url: str, client: Client
) -> None:
    """Nothing more is needed than what the daemons have."""
    role = f"tester_{uuid.uuid4().hex[:8]}"
    sql(f"create role {role} login in role hourhand_worker")
    try:
        url = database_url.replace("postgres@", f"{role}@", 1)
        done = hourhand("doctor", "--test-pipeline", "--timeout", "1s", "--schedule", DATABASE_URL=url)
        assert "pipeline-fire" in stuck(done)
        assert not client.schedules.list()
    finally:
        sql(f"drop role {role}")


def working(hand: Hand, outcome: str | None, **fields: object) -> AbstractContextManager[None]:
    """Ends the next run in this way, or claims it and leaves it so."""

    def work() -> None:
        runs = eventually(hand.claim, 10)
        if outcome is not None:
            hand.finish(runs, outcome, **fields)

    return beside(work)


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
