"""Runs tasks with isolation="process", each in a process that waits for it with its modules imported."""

import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic
from typing import Any

from hourhand.errors import UnknownTask
from hourhand.tasks import Task
from hourhand_worker.attempt import Attempt, Stop
from hourhand_worker.desk import Call
from hourhand_worker.ending import Elsewhere
from hourhand_worker.lane import End
from hourhand_worker.process import Process
from hourhand_worker.threads import ThreadLane

Enter = Callable[[Attempt], None]


class ProcessLane(ThreadLane):
    """For each attempt that runs there is a thread that waits for its process.

    `enter` is called when a process is ready for the attempt, and raises CancelledError for one that was
    stopped meanwhile.
    """

    def __init__(
        self, enter: Enter, end: End, call: Call, tasks: Iterable[Task[..., Any]], most: int
    ) -> None:
        super().__init__(lambda _: {}, end)
        self._enter = enter
        self._tasks = tasks
        self._running: dict[str, Process] = {}  # by token
        self._pool = Pool(lambda: Process(_modules(tasks), call), most)

    def warm_up(self) -> None:
        if any(task.isolation == "process" for task in self._tasks):
            self._pool.warm_up()

    def interrupt(self, attempt: Attempt) -> None:
        process = self._running.get(attempt.token)
        if process is not None:
            process.stop(attempt)

    def close(self, timeout: float) -> None:
        self._pool.close(timeout)
        super().close(timeout)

    def _call(self, attempt: Attempt) -> object:
        if sys.platform == "win32":
            raise RuntimeError('isolation="process" needs Linux or macOS')
        process = self._pool.take()
        self._running[attempt.token] = process
        try:
            process.prepare()
            _check_knows(process, attempt.task)
            self._enter(attempt)
            result, told = process.run(attempt)
        finally:
            del self._running[attempt.token]
            self._pool.give_back(process)
        if attempt.stop in (Stop.SHUTDOWN, Stop.LOST) and not told:
            raise CancelledError
        return Elsewhere(result)


class Pool:
    """Processes that were started ahead, and those that are on their way out.

    From `warm_up` on there is always one more than is used, up to `most`.
    """

    def __init__(self, start: Callable[[], Process], most: int) -> None:
        self._start = start
        self._most = most
        self._ahead = False
        self._lock = Lock()
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._leaving: list[Process] = []

    def warm_up(self) -> None:
        self._ahead = True
        self._start_ahead()

    def take(self) -> Process:
        """One for the caller alone, perhaps not ready yet."""
        with self._lock:
            process = self._waiting()
            if process is not None:
                self._busy.add(process)
        if process is None:
            process = self._start()
            with self._lock:
                self._busy.add(process)
        self._start_ahead()
        return process

    def give_back(self, process: Process) -> None:
        with self._lock:
            self._busy.discard(process)
            if process.spent:
                self._leaving.append(process)
            else:
                self._idle.append(process)
        if process.spent:
            process.dismiss()
            self._start_ahead()
        self._let_go()

    def close(self, timeout: float) -> None:
        """End them all, also those that run something, and wait until they are gone."""
        self._ahead = False
        deadline = monotonic() + timeout
        with self._lock:
            leaving, self._idle = [*self._leaving, *self._idle], []
            self._leaving, busy = leaving, list(self._busy)
        for process in leaving:
            process.dismiss()
        for process in busy:
            process.end()
        for process in (*leaving, *busy):
            process.await_end(deadline - monotonic())
        self._let_go()

    def _waiting(self) -> Process | None:
        """The one used last: those that have nothing to do for long are out of the way of the others."""
        while self._idle:
            process = self._idle.pop()
            if not process.gone:
                return process
            self._leaving.append(process)
        return None

    def _start_ahead(self) -> None:
        if not self._ahead or self._idle or len(self._busy) >= self._most:
            return
        process = self._start()
        with self._lock:
            self._idle.append(process)

    def _let_go(self) -> None:
        with self._lock:
            gone = [process for process in self._leaving if process.gone]
            self._leaving = [process for process in self._leaving if process not in gone]
        for process in gone:
            process.close()


def _check_knows(process: Process, task: Task[..., Any]) -> None:
    if task.name not in process.tasks:
        raise UnknownTask(
            f"importing {_module(task)} in another process does not define the task {task.name}: "
            "define it at the top level of a module"
        )


def _modules(tasks: Iterable[Task[..., Any]]) -> list[str]:
    """What a process has to import to know those that run in one."""
    return sorted({_module(task) for task in tasks if task.isolation == "process"} - {"__main__"})


def _module(task: Task[..., Any]) -> str:
    name = task.function.__module__
    spec = getattr(sys.modules[name], "__spec__", None) if name == "__main__" else None
    return name if spec is None else str(spec.name)
