"""The threads that `def` tasks run in."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from hourhand.tasks import Task
from hourhand_worker import coroutines, threads
from hourhand_worker.attempt import Attempt
from hourhand_worker.coroutines import AsyncLane
from hourhand_worker.lane import Conclusion
from hourhand_worker.threads import ThreadLane
from tests.support import eventually

TOGETHER = 30


class Doing:
    """As much of an attempt as the lane looks at."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.host = None
        self.task = Task(lambda: function(), "doing")


class Refused(threading.Thread):
    """What the system says to one thread too many."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


class Lane(ThreadLane):
    def __init__(self) -> None:
        self.ended: list[Conclusion] = []
        self.workers: set[threading.Thread] = set()
        super().__init__(self._starting, self.ended.extend)

    def _starting(self, _attempt: Attempt) -> dict[str, Any]:
        self.workers.add(threading.current_thread())
        return {}

    def do(self, *functions: Callable[[], object]) -> None:
        self.put([cast(Attempt, Doing(function)) for function in functions])


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane()
    yield lane
    lane.close(0)
    eventually(lambda: not any(worker.is_alive() for worker in lane.workers))


@pytest.mark.parametrize("at_once", [True, False])
def test_attempts_that_wait_run_side_by_side(lane: Lane, at_once: bool):
    everybody = threading.Barrier(TOGETHER)
    waiting = [lambda: everybody.wait(20)] * TOGETHER
    for functions in [waiting] if at_once else [[function] for function in waiting]:
        lane.do(*functions)
    eventually(lambda: len(lane.ended) == TOGETHER)
    assert {error for _, _, error in lane.ended} == {None}
    assert len(lane.workers) == TOGETHER


def test_one_that_never_ends_holds_up_no_other(lane: Lane):
    end = threading.Event()
    lane.do(lambda: end.wait(30), *[lambda: None] * 500)
    eventually(lambda: len(lane.ended) == 500)
    lane.do(*[lambda: None] * 500)
    eventually(lambda: len(lane.ended) == 1000)
    end.set()


def test_what_waits_when_the_lane_closes_is_run_and_all_threads_end(lane: Lane):
    begin = threading.Event()
    lane.do(*[lambda: begin.wait(30)] * 5)
    eventually(lambda: len(lane.workers) == 5)
    lane.do(*[lambda: None] * 100)
    lane.close(0)
    begin.set()
    eventually(lambda: not any(worker.is_alive() for worker in lane.workers))
    assert len(lane.ended) == 105


def test_what_found_no_thread_is_run_as_soon_as_the_system_gives_one(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(threads, "Thread", Refused)
    lane.do(lambda: None)
    monkeypatch.undo()
    assert not lane.ended
    lane.look()
    eventually(lambda: len(lane.ended) == 1)


def test_coroutines_that_found_no_thread_are_run_as_soon_as_the_system_gives_one(
    monkeypatch: pytest.MonkeyPatch,
):
    async def ends() -> None: ...

    ended: list[Conclusion] = []
    lane = AsyncLane(lambda _: {}, ended.extend)
    monkeypatch.setattr(coroutines, "Thread", Refused)
    lane.put([cast(Attempt, Doing(ends))])
    monkeypatch.undo()
    lane.look()
    eventually(lambda: len(ended) == 1)
    lane.close(10)
