"""A worker runs what is enqueued, and records how it ended."""

import asyncio
import contextvars
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from hourhand.log.lines import Line
from hourhand.outcome import Cancel, Discard, Outcome, Retry, Snooze
from hourhand.retry import RetryPolicy
from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.foreground import run_now
from tests.worker.workshop import Workshop

AT_ONCE = RetryPolicy(first=0)


class Feed(BaseModel):
    url: str
    limit: int = 50


def test_a_run_is_completed_with_what_its_task_returns(shop: Workshop):
    @task("fetch")
    def fetch(feed: Feed, run: Run) -> dict[str, Any]:
        return {"url": feed.url, "limit": feed.limit, "run": run.id}

    run = shop.enqueue("fetch", {"url": "a"})
    worker = shop.drain()
    assert shop.run(run)["result"] == {"url": "a", "limit": 50, "run": run}
    assert shop.status(run) == "completed"
    assert worker.outcomes == {"completed": 1}


def test_the_times_of_a_run_are_the_databases(shop: Workshop):
    @task("tidy")
    def tidy() -> None: ...

    run = shop.enqueue("tidy")
    shop.drain()
    columns = shop.run(run)
    times = [
        datetime.fromisoformat(columns[name])
        for name in ("created_at", "claimed_at", "started_at", "finished_at")
    ]
    assert times == sorted(times)


def test_async_tasks_wait_side_by_side_on_one_event_loop(shop: Workshop):
    everybody = asyncio.Barrier(5)

    @task("meet")
    async def meet(n: int) -> int:
        async with asyncio.timeout(10):
            await everybody.wait()
        return n + 1

    runs = [shop.enqueue("meet", {"n": n}) for n in range(5)]
    shop.drain(concurrency=5)
    assert [shop.run(run)["result"] for run in runs] == [1, 2, 3, 4, 5]


def test_timeouts_and_task_groups_work_from_the_first_step_on(shop: Workshop):
    @task("impatient")
    async def impatient() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(asyncio.sleep(0, "a")), group.create_task(asyncio.sleep(0, "b"))
        return first.result() + second.result()

    @task("quick")
    async def quick() -> bool:
        async with asyncio.timeout(1):  # noqa: ASYNC100
            return asyncio.current_task() is not None

    impatient_run, quick_run = shop.enqueue("impatient"), shop.enqueue("quick")
    shop.drain()
    assert (shop.run(impatient_run)["result"], shop.run(quick_run)["result"]) == ("ab", True)


def test_an_async_task_that_cancels_itself_fails_and_harms_no_other(shop: Workshop):
    @task("selfish", max_attempts=1)
    async def selfish(waits: bool) -> None:
        current = asyncio.current_task()
        assert current is not None
        current.cancel()
        if waits:
            await asyncio.sleep(0)

    @task("kind")
    async def kind() -> str:
        await asyncio.sleep(0.001)
        return "fine"

    waiting, hasty = shop.enqueue("selfish", {"waits": True}), shop.enqueue("selfish", {"waits": False})
    others = [shop.enqueue("kind") for _ in range(4)]
    shop.drain()
    assert shop.status(waiting) == "failed"
    assert shop.status(hasty) == "completed"
    assert [shop.run(other)["result"] for other in others] == ["fine"] * 4


NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


def test_an_async_task_that_stops_the_event_loop_stops_no_other(shop: Workshop):
    @task("stops")
    async def stops() -> None:
        asyncio.get_running_loop().stop()

    @task("other")
    async def other() -> None:
        await asyncio.sleep(0)

    runs = [shop.enqueue("stops"), shop.enqueue("other")]
    shop.worker(concurrency=1).drain(20)
    assert [shop.status(run) for run in runs] == ["completed"] * 2


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt("no")])
def test_what_would_end_the_event_loop_ends_only_its_run(shop: Workshop, error: BaseException):
    async def leaves() -> None:
        raise error

    @task("leaves", max_attempts=1)
    async def gathers() -> None:
        await asyncio.gather(asyncio.sleep(0), leaves())

    @task("stays")
    async def stays() -> str:
        await asyncio.sleep(0.1)
        return "still here"

    left, stayed = shop.enqueue("leaves"), shop.enqueue("stays")
    shop.worker().drain(20)
    assert (shop.status(left), shop.run(stayed)["result"]) == ("failed", "still here")
    assert type(error).__name__ in shop.run(left)["error"]


@pytest.mark.parametrize("kind", ["async", "thread"])
def test_what_ends_the_interpreter_when_it_is_looked_at_ends_only_its_run(shop: Workshop, kind: str):
    class Grave(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise SystemExit(3)

        __repr__ = __str__

    def lay(how: str) -> object:
        if how == "raised":
            raise Grave
        return Grave()

    @task("async", max_attempts=1)
    async def on_loop(how: str) -> object:
        return lay(how)

    @task("thread", max_attempts=1)
    def in_thread(how: str) -> object:
        return lay(how)

    runs = [shop.enqueue(kind, {"how": how}) for how in ("raised", "returned")]
    shop.worker().drain(20)
    assert [shop.status(run) for run in runs] == ["failed", "failed"]
    assert "its message can't be shown: SystemExit" in shop.run(runs[0])["error"]
    assert "SystemExit: 3" in shop.run(runs[1])["error"]


@pytest.mark.parametrize("waits", [False, True])
def test_context_variables_of_one_run_are_not_seen_by_the_next(shop: Workshop, waits: bool):
    @task("on-loop")
    async def on_loop(name: str) -> list[str]:
        before = NAME.get()
        NAME.set(name)
        if waits:
            await asyncio.sleep(0.001)
        return [before, NAME.get()]

    @task("in-thread")
    def in_thread(name: str) -> list[str]:
        before = NAME.get()
        NAME.set(name)
        return [before, NAME.get()]

    runs = [shop.enqueue(kind, {"name": str(n)}) for kind in ("on-loop", "in-thread") for n in range(3)]
    shop.drain(concurrency=1)
    assert [shop.run(run)["result"] for run in runs] == [["nobody", str(n)] for n in (0, 1, 2)] * 2


def test_what_a_task_logs_and_how_far_it_is_can_be_read(shop: Workshop):
    @task("fetch")
    def fetch(run: Run) -> None:
        run.log.info("fetching {} of {what}", 1, what="feeds")
        run.log.warning("broken {} {}", "format")
        run.progress(1, 3, "begun")
        run.progress(2, 3)

    run = shop.enqueue("fetch")
    shop.drain()
    assert shop.logs(run) == [
        ("INFO", "fetching 1 of feeds"),
        ("WARNING", "broken {} {} (with 1 arguments that do not fit)"),
    ]
    assert shop.run(run)["progress"] == {"done": 2, "total": 3}


def test_a_run_that_logs_without_end_is_cut_visibly(shop: Workshop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hourhand_worker.logbook.MOST_LINES", 3)

    @task("chatty")
    def chatty(run: Run) -> None:
        for n in range(10):
            run.log.info("line {}", n)

    run = shop.enqueue("chatty")
    shop.drain()
    told = [message for _, message in shop.logs(run)]
    assert told == ["line 0", "line 1", "… what this attempt logged from here on is not kept"]


def test_lines_of_other_loggers_carry_the_run_they_come_from(shop: Workshop, lines: list[Line]):
    from hourhand import log

    seen = {}

    @task("talk")
    async def talk(run: Run) -> None:
        await asyncio.sleep(0)
        log.event("mine", message="from the task")
        seen["run"] = run.id

    shop.enqueue("talk")
    shop.drain()
    (line,) = [line for line in lines if line.event == "mine"]
    assert (line.fields["run_id"], line.fields["attempt"]) == (seen["run"], 1)


def test_a_run_can_enqueue_children(shop: Workshop):
    @task("parent")
    def parent(run: Run) -> list[Any]:
        child = run.enqueue("child", {"n": 1}, priority=5)
        again = [run.enqueue(child_task, {"n": 2}, key="same") for _ in range(2)]
        return [child.outcome, *(each.outcome for each in again)]

    @task("child")
    async def child_task(n: int, run: Run) -> None:
        if n == 1:
            await run.enqueue_async("grandchild")

    @task("grandchild")
    def grandchild() -> None: ...

    run = shop.enqueue("parent")
    worker = shop.drain()
    assert shop.run(run)["result"] == ["created", "created", "existing"]
    assert worker.outcomes == {"completed": 4}
    ids = [
        row[0] for row in shop.transport.query(f"select id from hourhand.job_runs where parent_id = {run}")
    ]
    assert len(ids) == 2


# --- Ends ---


def test_a_failed_attempt_is_tried_again_and_described(shop: Workshop):
    @task("flaky", retry=AT_ONCE, max_attempts=3)
    def flaky(run: Run) -> str:
        if run.attempt < 3:
            raise ConnectionError(f"try {run.attempt} with password=hunter2")
        return "at last"

    run = shop.enqueue("flaky")
    worker = shop.drain()
    assert (shop.status(run), shop.run(run)["result"]) == ("completed", "at last")
    first, second = shop.attempts(run)
    assert [first["outcome"], second["outcome"]] == ["retry", "retry"]
    assert (first["error_class"], first["message"]) == ("ConnectionError", "try 1 with password=***")
    assert "in flaky" in first["traceback"]
    assert "hourhand_worker" not in first["traceback"]
    assert first["worker"] == "tested"
    assert first["duration_ms"] > 0
    assert first["started_at"] <= first["ended_at"] <= second["started_at"] <= second["ended_at"]
    assert not worker.failing


def test_the_last_attempt_ends_as_failed(shop: Workshop):
    @task("broken", retry=AT_ONCE, max_attempts=2)
    async def broken() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    run = shop.enqueue("broken")
    worker = shop.drain()
    assert (shop.status(run), shop.run(run)["error"]) == ("failed", "ValueError: no")
    assert shop.outcomes(run) == ["retry", "failed"]
    assert worker.failing == {run}


def test_a_retry_waits_for_the_delay_of_its_policy(shop: Workshop):
    @task("later", retry=RetryPolicy(first=60, jitter=0))
    def later() -> None:
        raise ValueError("no")

    run = shop.enqueue("later")
    worker = shop.drain()
    columns = shop.run(run)
    wait = datetime.fromisoformat(columns["run_at"]) - datetime.now(UTC)
    assert columns["status"] == "pending"
    assert 50 < wait.total_seconds() < 61
    assert worker.failing == {run}


@pytest.mark.parametrize("raised", [True, False])
@pytest.mark.parametrize(
    ("outcome", "status", "attempt", "error"),
    [
        (Retry(3600), "pending", 1, None),
        (Snooze(3600), "pending", 0, None),
        (Cancel("not needed"), "cancelled", 1, "not needed"),
        (Discard("hopeless"), "failed", 1, "hopeless"),
    ],
)
def test_an_outcome_decides_what_becomes_of_the_run(
    shop: Workshop, outcome: Outcome, status: str, attempt: int, error: str | None, raised: bool
):
    @task("decides")
    def decides() -> Outcome:
        if raised:
            raise outcome
        return outcome

    run = shop.enqueue("decides")
    shop.drain()
    columns = shop.run(run)
    assert (columns["status"], columns["attempt"], columns["error"]) == (status, attempt, error)


@pytest.mark.parametrize("kind", [Retry, Cancel, Discard])
def test_the_exception_that_an_outcome_was_raised_for_is_kept(
    shop: Workshop, kind: type[Retry | Cancel | Discard]
):
    @task("decides", max_attempts=1)
    def decides() -> None:
        try:
            int("many")
        except ValueError as error:
            raise kind(reason=error) from error

    run = shop.enqueue("decides")
    shop.drain()
    [attempt] = shop.attempts(run)
    assert shop.run(run)["error"] == attempt["message"]
    assert attempt["message"].startswith("ValueError: invalid literal")
    assert 'int("many")' in attempt["traceback"]


class Unwise(RetryPolicy):
    """Says what its error holds."""

    def delay(self, attempt: int, error: BaseException | None = None, **_: Any) -> Any:
        return error.args[0] if error is not None else None


@pytest.mark.parametrize("delay", [float("nan"), float("inf"), -1, "soon", 1e300])
def test_a_policy_that_gives_no_time_to_wait_ends_the_run_with_both_reasons(shop: Workshop, delay: object):
    @task("fails", retry=Unwise())
    def fails() -> None:
        raise LookupError(delay)

    run = shop.enqueue("fails")
    shop.drain()
    [attempt] = shop.attempts(run)
    assert (shop.status(run), attempt["error_class"]) == ("failed", "ValueError")
    assert "raise LookupError(delay)" in attempt["traceback"]


def test_leaving_the_program_only_ends_the_run(shop: Workshop):
    @task("leaves", max_attempts=1)
    def leaves() -> None:
        sys.exit(3)

    @task("leaves-async", max_attempts=1)
    async def leaves_async() -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    runs = [shop.enqueue("leaves"), shop.enqueue("leaves-async")]
    shop.drain()
    assert [shop.run(run)["error"] for run in runs] == ["SystemExit: 3", "KeyboardInterrupt"]


def test_a_poison_payload_in_a_batch_of_five_fails_alone_and_at_once(shop: Workshop):
    @task("fetch")
    def fetch(feed: Feed) -> str:
        return feed.url

    payloads = [{"url": "a"}, {"url": "b"}, {"link": "c"}, {"url": "d"}, {"url": "e"}]
    runs = [shop.enqueue("fetch", payload) for payload in payloads]
    worker = shop.drain(worker_batch=5)
    assert [shop.status(run) for run in runs] == [
        "completed",
        "completed",
        "failed",
        "completed",
        "completed",
    ]
    poison = shop.run(runs[2])
    assert poison["error"] == "hourhand.errors.BadPayload: url: Field required"
    assert poison["attempt"] == 1
    assert worker.failing == {runs[2]}


def test_a_def_that_returns_a_coroutine_is_told_to_be_async(shop: Workshop):
    async def helper() -> None: ...

    @task("forgot", max_attempts=1)
    def forgot() -> Any:
        return helper()

    run = shop.enqueue("forgot")
    shop.drain()
    assert shop.run(run)["error"] == "TypeError: it returned a coroutine: make it an `async def`"


def test_results_that_json_cannot_hold_are_made_fit(shop: Workshop):
    @task("odd")
    def odd() -> Any:
        return {
            "nul": "a\0b",
            "nan": float("nan"),
            3: {1, 2},
            "half": "\ud800",
            "at": datetime(2026, 1, 2, tzinfo=UTC),
        }

    run = shop.enqueue("odd")
    shop.drain()
    result = shop.run(run)["result"]
    assert result["nul"] == "a\ufffdb"
    assert (result["3"], result["nan"]) == ([1, 2], "NaN")


def test_a_result_that_is_too_large_is_cut_visibly(shop: Workshop):
    @task("large")
    def large() -> str:
        return "x" * 1_000_000

    run = shop.enqueue("large")
    shop.drain()
    result = shop.run(run)["result"]
    assert len(result) <= 256 * 1024
    assert result.endswith("… (cut, 1000000 bytes)")


def test_an_error_that_is_too_large_is_cut_visibly(shop: Workshop):
    @task("wordy", max_attempts=1)
    def wordy() -> None:
        raise ValueError("y" * 1_000_000)

    run = shop.enqueue("wordy")
    shop.drain()
    (attempt,) = shop.attempts(run)
    assert len(attempt["message"]) + len(attempt["traceback"]) <= 64 * 1024
    assert "… (cut, 1000000 bytes)" in attempt["message"]


def test_an_exception_that_cannot_be_shown_still_fails_its_run(shop: Workshop):
    class Rude(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError("not telling")

    @task("rude", max_attempts=1)
    def rude() -> None:
        raise Rude

    run = shop.enqueue("rude")
    shop.drain()
    assert shop.status(run) == "failed"


def test_a_value_that_the_database_refuses_fails_its_run_and_no_other(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hourhand_worker.ending.sanitise", lambda value: value)

    @task("returns")
    def returns(text: str) -> str:
        return text + ("\0" if text == "c" else "")

    runs = [shop.enqueue("returns", {"text": text}) for text in "abcde"]
    shop.drain(worker_batch=5)
    assert [shop.status(run) for run in runs] == [
        "completed",
        "completed",
        "failed",
        "completed",
        "completed",
    ]
    assert shop.run(runs[2])["error"].startswith("UnstorableResult: ")


def test_a_run_in_the_foreground_is_recorded_and_tried_once(shop: Workshop):
    @task("adds")
    def adds(a: int, b: int) -> int:
        return a + b

    @task("broken")
    def broken() -> None:
        raise ValueError("no")

    settings = shop.settings(queues="default")
    run = run_now(settings, shop.tasks, shop.transport, "adds", {"a": 1, "b": 2})
    assert (shop.status(run), shop.run(run)["result"]) == ("completed", 3)
    run = run_now(settings, shop.tasks, shop.transport, "broken")
    assert (shop.status(run), shop.run(run)["attempt"]) == ("failed", 1)


class Interrupted(PostgresTransport):
    """Ctrl-C comes when a call is done and its answer not yet heard of."""

    at = ""

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        answer = super().call(function, params, retry=retry)
        if function == self.at and (answer.get("id") or answer["runs"]):
            self.at = ""
            raise KeyboardInterrupt
        return answer


@pytest.mark.parametrize("at", ["enqueue", "claim"])
def test_a_run_in_the_foreground_ends_with_its_command_whenever_that_is_interrupted(shop: Workshop, at: str):
    @task("noop")
    def noop() -> None: ...

    transport = Interrupted(shop.url, application_name="hourhand-tests")
    transport.at = at
    with pytest.raises(KeyboardInterrupt):
        run_now(shop.settings(), shop.tasks, transport, "noop")
    transport.close()
    [(status,)] = shop.transport.query("select status from hourhand.job_runs")
    assert status == "cancelled"


def test_logging_of_the_standard_library_keeps_working(shop: Workshop, caplog: pytest.LogCaptureFixture):
    @task("logs")
    def logs() -> None:
        logging.getLogger("user").warning("hello")

    shop.enqueue("logs")
    shop.drain()
    assert "hello" in caplog.text
