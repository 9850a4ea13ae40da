"""isolation="process": a task in a process of its own can be stopped whatever it does, and harms no other."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourhand.tasks import task
from hourhand_worker.worker import Worker
from tests.support import eventually
from tests.worker import process_tasks
from tests.worker.workshop import Workshop

PYTHONPATH = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def shop(shop: Workshop) -> Workshop:
    for each in process_tasks.TASKS:
        shop.tasks.add(each)
    return shop


@pytest.fixture
def ran(shop: Workshop) -> Run:
    """Runs one task to its end; the row of the run."""

    def ran(name: str, payload: object = None, **options: Any) -> dict[str, Any]:
        run = shop.enqueue(f"apart-{name}", payload, **options)
        shop.drain()
        return shop.run(run)

    return ran


def exists(pid: int) -> bool:
    """Whether it runs: one that is dead but not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(marker: Path) -> list[int]:
    eventually(lambda: marker.exists() and marker.read_text(), 20)
    return [int(pid) for pid in marker.read_text().split()]


# --- What it runs ---


def test_a_def_runs_in_another_process_and_its_result_is_kept(ran: Run):
    row = ran("adds", {"a": 1, "b": 2})
    assert row["result"]["sum"] == 3
    assert row["result"]["pid"] != os.getpid()


def test_an_async_def_runs_in_another_process(ran: Run):
    assert ran("adds-async", {"a": 1, "b": 2})["result"] == 3


def test_a_run_can_log_and_tell_its_progress_and_enqueue(shop: Workshop):
    run = shop.enqueue("apart-tells")
    shop.drain()
    row = shop.run(run)
    child = shop.run(row["result"]["child"])
    assert (row["result"]["outcome"], row["result"]["attempt"]) == ("created", 1)
    assert (child["status"], child["parent_id"], child["result"]["sum"]) == ("completed", run, 3)
    assert row["progress"] == {"done": 1, "total": 3, "message": "a third"}
    assert set(shop.logs(run)) == {
        ("INFO", f"run {run} begins"),
        ("WARNING", "by way of logging"),
        ("ERROR", "by way of loguru"),
        ("INFO", "printed"),
        ("WARNING", "printed to stderr"),
    }


def test_what_the_database_refuses_is_raised_in_the_task(ran: Run):
    row = ran("misdirects", {"queue": ""})
    assert row["error"].startswith("hourhand.errors.BadInput: ")


def test_the_policy_of_the_task_decides_with_the_exception_itself(ran: Run, shop: Workshop):
    row = ran("fails", {"kind": "KeyError"})
    assert (row["status"], row["error"], row["attempt"]) == ("failed", "KeyError: 'no'", 1)
    row = ran("fails", {"kind": "ValueError"})
    assert (row["status"], row["error"], row["attempt"]) == ("failed", "ValueError: no", 2)
    (attempt, _) = shop.attempts(row["id"])
    assert "in fails" in attempt["traceback"]
    assert "hourhand_worker" not in attempt["traceback"]


def test_an_outcome_and_a_bad_payload_are_what_they_are_elsewhere(ran: Run, shop: Workshop):
    row = ran("adds", {"a": "one"}, max_attempts=3)
    assert (row["status"], row["attempt"]) == ("failed", 1)
    assert row["error"].startswith("hourhand.errors.BadPayload: a: ")
    row = ran("retries", max_attempts=2)
    assert (row["status"], shop.outcomes(row["id"])) == ("pending", ["retry"])


def test_a_task_that_its_module_does_not_define_again_says_so(shop: Workshop):
    @task("local", isolation="process", max_attempts=1)
    def local() -> None: ...

    run = shop.enqueue("local")
    shop.drain()
    assert "does not define the task local: define it at the top level" in shop.run(run)["error"]


# --- Stopping ---


@pytest.mark.parametrize("name", ["waits", "waits-async"])
def test_a_task_that_is_out_of_time_is_interrupted_and_may_clean_up(ran: Run, tmp_path: Path, name: str):
    marker = tmp_path / "marker"
    row = ran(name, {"marker": str(marker)})
    assert (row["status"], row["error"]) == ("failed", "TimeoutError: timed out after 0.3 s")
    assert marker.read_text() == "cleaned up"


def test_a_task_that_does_not_stop_is_ended_with_all_it_has_started(
    ran: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hourhand_worker.process.GRACE", 0.3)
    marker = tmp_path / "marker"
    began = time.monotonic()
    row = ran("stays", {"marker": str(marker)}, timeout=0.5)
    assert (row["status"], row["error"]) == ("failed", "TimeoutError: timed out after 0.5 s")
    assert time.monotonic() - began < 15, "not left to the watchdog, which gives up on it"
    eventually(lambda: not any(map(exists, pids(marker))))


def test_a_run_that_is_cancelled_is_interrupted(shop: Workshop, tmp_path: Path):
    run = shop.enqueue("apart-holds", {"marker": str(tmp_path / "marker")})
    with shop.working():
        pids(tmp_path / "marker")
        shop.transport.call("cancel_run", {"p_run_id": run, "p_reason": "enough"})
        eventually(lambda: shop.status(run) == "cancelled")
    assert shop.run(run)["error"] == "enough"


def test_a_worker_that_stops_gives_the_run_back_and_ends_its_process(shop: Workshop, tmp_path: Path):
    run = shop.enqueue("apart-stays", {"marker": str(tmp_path / "marker")})
    with shop.working(shutdown=1):
        started = pids(tmp_path / "marker")
    assert (shop.status(run), shop.run(run)["attempt"]) == ("pending", 0)
    assert not any(map(exists, started))


def test_nothing_outlives_a_worker_that_is_killed(shop: Workshop, tmp_path: Path):
    marker = tmp_path / "marker"
    run = shop.enqueue("apart-stays", {"marker": str(marker)})
    worker = shop.spawn("from tests.worker.process_tasks import *", PYTHONPATH=PYTHONPATH)
    started = pids(marker)
    worker.kill()
    eventually(lambda: not any(map(exists, started)))
    assert shop.status(run) == "processing", "its lease lasts"


# --- Dying ---


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_leaves_without_an_answer_fails_its_run(ran: Run, shop: Workshop, code: int):
    row = ran("ends", {"code": code})
    assert (
        row["error"] == f"hourhand.errors.ProcessEnded: the process ended with code {code} without an answer"
    )
    (attempt,) = shop.attempts(row["id"])
    assert "famous last words" in attempt["traceback"]
    assert shop.logs(row["id"]) == [("WARNING", "famous last words")]


def test_a_process_that_crashes_is_replaced_and_its_run_tried_again(ran: Run, shop: Workshop):
    row = ran("crashes-once")
    assert (row["status"], row["result"]) == ("completed", "attempt 2")
    (attempt,) = shop.attempts(row["id"])
    assert attempt["message"] == "the process was ended by SIGSEGV without an answer"
    assert [session["state"] for session in shop.sessions()] == ["closed"]


def test_memory_is_limited(ran: Run):
    assert ran("devours", {"megabytes": 32})["result"] == 32 * 2**20
    assert ran("devours", {"megabytes": 128})["error"] == "MemoryError: it needed more than its 64 MiB"


def test_what_is_printed_is_bounded_visibly(ran: Run, shop: Workshop):
    row = ran("floods", {"lines": 20_000})
    logs = shop.logs(row["id"])
    assert row["result"] == "done"
    assert shop.transport.query(f"select count(*) from hourhand.job_run_logs where run_id = {row['id']}") == [
        (1003,)
    ]
    assert logs[0] == ("INFO", "x" * 999)


# --- One process, many runs ---


def test_a_process_is_used_again_unless_a_run_has_left_something_behind(shop: Workshop):
    def after(*changes: str) -> list[dict[str, Any]]:
        runs = [shop.enqueue("apart-remembers", {"change": change}) for change in changes]
        shop.drain(concurrency=1)
        return [shop.run(run)["result"] for run in runs]

    before, same, then, last, end = after("", "", "environment", "directory", "")
    assert before["pid"] == same["pid"] == then["pid"]
    assert len({then["pid"], last["pid"], end["pid"]}) == 3
    assert (last["left"], end["left"]) == (None, None)
    assert end["at"] == before["at"]
    first, second = after("process", "")
    assert first["pid"] != second["pid"]


def test_a_process_is_ready_before_it_is_needed(shop: Workshop):
    with shop.working() as worker:
        pool = worker._executor._in_processes._pool
        eventually(lambda: pool._idle)
        (idle,) = pool._idle
        run = shop.enqueue("apart-adds", {"a": 1, "b": 1})
        eventually(lambda: shop.status(run) == "completed")
        assert shop.run(run)["result"]["pid"] == idle.pid


def test_a_process_that_dies_while_it_waits_is_replaced(shop: Workshop):
    with shop.working() as worker:
        first, second = (shop.enqueue("apart-adds", {"a": 1, "b": n}) for n in (1, 2))
        eventually(lambda: shop.status(first) == shop.status(second) == "completed")
        pool = worker._executor._in_processes._pool
        for process in list(pool._idle):
            if process.pid is not None:
                os.kill(process.pid, signal.SIGKILL)
                process.await_end(5)
        run = shop.enqueue("apart-adds", {"a": 1, "b": 3})
        eventually(lambda: shop.status(run) == "completed")


def test_a_worker_without_such_tasks_starts_no_process(shop: Workshop):
    shop.tasks.__init__()  # type: ignore[misc]

    @task("plain")
    def plain() -> None: ...

    worker: Worker
    with shop.working() as worker:
        run = shop.enqueue("plain")
        eventually(lambda: shop.status(run) == "completed")
        assert not worker._executor._in_processes._pool._idle


# --- The ways a worker ends ---

LIVES = """
import os
from hourhand import Run, task

@task("apart", isolation="process", max_attempts=1)
def apart(run: Run, children: int = 0, fail: bool = False) -> int:
    for _ in range(children):
        run.enqueue("apart")
    if fail:
        os._exit(1)
    return os.getppid()

@task("hoards")
def hoards() -> None:
    hoarded.append(bytearray(300 * 2**20))

hoarded = []
"""


def keepers_are_gone(shop: Workshop) -> bool:
    results = [shop.run(run)["result"] for run in range(1, 4)]
    return not any(exists(keeper) for keeper in results if keeper is not None)


def test_drain_works_off_what_processes_enqueue_and_says_whether_all_went_well(shop: Workshop):
    first = shop.enqueue("apart", {"children": 2})
    assert shop.spawn(LIVES, "--drain").wait() == 0
    assert [shop.status(run) for run in range(first, first + 3)] == ["completed"] * 3
    assert keepers_are_gone(shop)
    shop.enqueue("apart", {"fail": True})
    assert shop.spawn(LIVES, "--drain").wait() == 1


def test_once_and_max_jobs_end_a_worker_with_its_processes(shop: Workshop):
    runs = [shop.enqueue("apart") for _ in range(3)]
    assert shop.spawn(LIVES, "--once", "--batch", "1").wait() == 0
    assert [shop.status(run) for run in runs] == ["completed", "pending", "pending"]
    assert shop.spawn(LIVES, "--max-jobs", "1", "--batch", "1").wait() == 0
    assert [shop.status(run) for run in runs] == ["completed", "completed", "pending"]
    assert keepers_are_gone(shop)


def test_a_worker_above_its_memory_limit_lets_its_processes_finish(shop: Workshop, tmp_path: Path):
    held = shop.enqueue(
        "apart-waits-for", {"marker": str(tmp_path / "marker"), "gate": str(tmp_path / "gate")}
    )
    source = f"from tests.worker.process_tasks import *\n{LIVES}"
    worker = shop.spawn(
        source,
        HOURHAND_MEMORY_LIMIT_MB="250",
        JOB_WORKER_POLL_MS="200",
        PYTHONPATH=PYTHONPATH,
    )
    pids(tmp_path / "marker")
    shop.enqueue("hoards")
    eventually(lambda: "makes way for another" in worker.log, 20)
    assert shop.status(held) == "processing"
    (tmp_path / "gate").touch()
    assert worker.wait() == 75
    assert shop.status(held) == "completed"
