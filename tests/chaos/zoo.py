"""Tasks that do what no task should. Each says how its run has to end, and never how it harms another.

An animal is one function, made a task once for each way to run it. `ends` is the status of its run and `says`
a pattern for its error, or for its result as JSON.
"""

import asyncio
import builtins
import collections
import ctypes
import inspect
import json
import locale
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from hourhand import Retry, Run, Snooze, task
from hourhand.retry import RetryPolicy
from hourhand.tasks import Task

Body = Callable[[Run], Any]

THREAD, ASYNC, PROCESS = ("thread",), ("async",), ("process",)
ALL = THREAD + ASYNC + PROCESS
SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
TRACKS = Path("tracks")
"""In the working directory: the numbers of the processes that animals have started."""


@dataclass(frozen=True)
class Animal:
    name: str
    way: str
    ends: str
    says: str
    timeout: float
    attempts: int
    payload: object

    @property
    def task(self) -> str:
        return f"zoo-{self.name}-{self.way}"


ANIMALS: list[Animal] = []
"""Those that a worker survives, in whichever way they run."""

KILLERS: list[Animal] = []
"""Those that take the worker along."""


def animal(
    *ways: str,
    ends: str = "failed",
    says: str = "",
    timeout: float = 60,
    memory_mb: int | None = None,
    attempts: int = 1,
    retry: RetryPolicy | None = None,
    payload: object = None,
    kept_in: list[Animal] = ANIMALS,
) -> Callable[[Body], Body]:
    def keep(body: Body) -> Body:
        name = body.__name__.replace("_", "-")
        for way in ways or ALL:
            kept = Animal(name, way, ends, says, timeout, attempts, payload)
            _task(kept.task, way, body, memory_mb=memory_mb if way == "process" else None, retry=retry)
            kept_in.append(kept)
        return body

    return keep


def killer(*ways: str) -> Callable[[Body], Body]:
    return animal(*ways, says=r"worker lost 3 times", kept_in=KILLERS)


def _task(name: str, way: str, body: Body, **options: Any) -> Task[..., Any]:
    def plain(run: Run) -> Any:
        return body(run)

    async def awaited(run: Run) -> Any:
        value = body(run)
        return await value if is_async else value

    is_async = inspect.iscoroutinefunction(body)
    function: Callable[[Run], Any] = awaited if is_async or way == "async" else plain
    isolation: Any = "process" if way == "process" else None
    return task(name, isolation=isolation, **options)(function)


# --- Healthy ones ---


def _healthy(run: Run) -> dict[str, Any]:
    """Would be disturbed by what others leave behind."""
    run.log.info("healthy")
    return {
        "cwd": Path.cwd().name,
        "left": os.environ.get("ZOO_LEFT"),
        "json": json.loads("[1.5]"),
        "sorted": sorted([3, 1, 2]),
    }


NEIGHBOURS = [_task(f"zoo-healthy-{way}", way, _healthy) for way in ALL]
HEALTHY_RESULT = {"left": None, "json": [1.5], "sorted": [1, 2, 3]}


# --- Leaving ---


@animal(says=r"SystemExit: 3")
def sys_exit(run: Run) -> None:
    sys.exit(3)


@animal(*PROCESS, says=r"the process ended with code 0 without an answer")
def leave_with_0(run: Run) -> None:
    os._exit(0)


@animal(*PROCESS, says=r"the process ended with code 3 without an answer")
def leave_with_3(run: Run) -> None:
    os._exit(3)


@animal(*PROCESS, says=r"the process was ended by SIGSEGV without an answer")
def segfault(run: Run) -> None:
    ctypes.string_at(0)


@animal(*PROCESS, says=r"the process was ended by SIGABRT without an answer")
def abort(run: Run) -> None:
    os.abort()


@animal(*PROCESS, says=r"was ended by SIGKILL, perhaps because the system was out of memory")
def kill_itself(run: Run) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@animal(*PROCESS, says=r"the process was ended by SIGKILL")
def kill_its_keeper(run: Run) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


@animal(*PROCESS, says=r"the process ended with code \d+ without an answer|closed its connection")
def spoil_the_builtins(run: Run) -> None:
    builtins.isinstance = None  # type: ignore[assignment]


@animal(*PROCESS, says=r"the process ended with code 74 without an answer")
def close_every_file(run: Run) -> None:
    os.closerange(0, 1000)


@animal(*PROCESS, says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
def close_every_file_and_stay(run: Run) -> None:
    os.closerange(0, 1000)
    while True:
        time.sleep(1)


# --- Not coming to an end ---


@animal("thread", "process", says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
def oversleep(run: Run) -> None:
    time.sleep(15)


@animal("async", "process", says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
async def wait_for_ever(run: Run) -> None:
    await asyncio.Event().wait()


@animal(*PROCESS, says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
def loop(run: Run) -> None:
    while True:
        pass


@animal(*PROCESS, says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
def loop_and_ignore_all(run: Run) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


@animal("async", "process", says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
async def swallow_one_cancellation(run: Run) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raise RuntimeError("not I") from None


@animal(*PROCESS, says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
async def block_its_event_loop_for_ever(run: Run) -> None:
    time.sleep(600)  # noqa: ASYNC251


@animal(*PROCESS, says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
def hold_the_interpreter_for_ever(run: Run) -> None:
    ctypes.PyDLL(None).sleep(600)


@animal("thread", "async", ends="completed", says="null")
def hold_the_interpreter_for_a_while(run: Run) -> None:
    ctypes.PyDLL(None).usleep(1_000_000)


@animal(ends="completed", says="null")
def block_what_it_runs_on(run: Run) -> None:
    time.sleep(1)


@animal(*PROCESS, says=r"TimeoutError: timed out after 1 s", timeout=1)
def fork_bomb(run: Run) -> None:
    """Bounded: 32 of them."""
    for _ in range(5):
        os.fork()
    _leave_track(os.getpid())
    time.sleep(600)


# --- Taking much ---


@animal(*PROCESS, says=r"MemoryError: it needed more than its 64 MiB", memory_mb=64)
def devour_memory(run: Run) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(2**20))


@animal(*PROCESS, says=r"MemoryError: it needed more than its 64 MiB", memory_mb=64)
async def devour_memory_at_once(run: Run) -> None:
    bytearray(2**40)


@animal(*PROCESS, ends="completed", says=r'"a gigabyte"')
def print_a_gigabyte(run: Run) -> str:
    block = (b"z" * 999 + b"\n") * 1000
    for _ in range(1000):
        os.write(1, block)
    return "a gigabyte"


@animal(ends="completed", says=r"z… \(cut, 52428800 bytes\)")
def return_50_megabytes(run: Run) -> str:
    return "z" * (50 * 2**20)


@animal(ends="completed", says=r"0x1")
def return_a_huge_number(run: Run) -> int:
    return 1 << 40_000


@animal(says=r"ValueError: zzz")
def say_5_megabytes(run: Run) -> None:
    raise ValueError("z" * 5_000_000)


@animal(says=r"RecursionError: maximum recursion depth exceeded")
def recurse(run: Run) -> None:
    recurse(run)


@animal(ends="completed", says="null")
def log_100_000_lines(run: Run) -> None:
    for number in range(100_000):
        run.log.debug("line {}", number)


@animal(ends="completed", says=r'"\[\]|\[\[')
def return_deep_nesting(run: Run) -> Any:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


# --- Results that JSON has no form for ---


@animal(ends="completed", says=r'"NaN"')
def return_nan(run: Run) -> float:
    return float("nan")


@animal(ends="completed", says=r'"-Infinity"')
def return_infinity(run: Run) -> float:
    return float("-inf")


@animal(ends="completed", says="a\N{REPLACEMENT CHARACTER}b")
def return_nul(run: Run) -> str:
    return "a\0b"


@animal(ends="completed", says="a\N{REPLACEMENT CHARACTER}b")
def return_half_a_character(run: Run) -> str:
    return "a\ud800b"


@animal(ends="completed", says=r"<function .*lambda")
def return_a_function(run: Run) -> object:
    return lambda: 1


@animal(ends="completed", says=r"lock")
def return_a_lock(run: Run) -> object:
    return threading.Lock()


@animal(ends="completed", says=r"generator object")
def return_a_generator(run: Run) -> Iterator[int]:
    return (n for n in range(3))


@animal(ends="completed", says=r'"1.10"')
def return_a_decimal(run: Run) -> Decimal:
    return Decimal("1.10")


@animal(ends="completed", says=r'"2026-01-02T00:00:00\+00:00"')
def return_a_time(run: Run) -> datetime:
    return datetime(2026, 1, 2, tzinfo=UTC)


@animal(ends="completed", says=r"\[1, 2, 3\]")
def return_a_set(run: Run) -> set[int]:
    return {3, 2, 1}


@animal(ends="completed", says=r'"//79"')
def return_bytes(run: Run) -> bytes:
    return b"\xff\xfe\xfd"


@animal(ends="completed", says=r'"\(1, 2\)": "pair"')
def return_odd_keys(run: Run) -> dict[Any, Any]:
    return {(1, 2): "pair", None: 1, 3: 4, b"k": 5}


@animal(ends="completed", says=r"…")
def return_itself(run: Run) -> Any:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    return circle


@animal(ends="completed", says=r"that cannot be shown")
def return_a_liar(run: Run) -> Any:
    class Liar:
        def __getattribute__(self, name: str) -> NoReturn:
            raise RuntimeError(name)

        __str__ = __repr__ = lambda self: self.nothing  # type: ignore[attr-defined,assignment]

    return Liar()


@animal(ends="completed", says=r"…")
def return_without_end(run: Run) -> Any:
    class Endless(collections.UserDict[str, int]):
        def items(self) -> Any:
            return ((str(n), n) for n in iter(int, 1))

    return Endless()


# --- Odd ways to raise ---


@animal(says=r"Rude: \(its message can't be shown: RuntimeError\)")
def raise_without_message(run: Run) -> None:
    class Rude(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError("not telling")

    raise Rude


@animal(says=r"Base: deep down")
def raise_from_the_base(run: Run) -> None:
    class Base(BaseException):
        pass

    raise Base("deep down")


@animal(says=r"KeyboardInterrupt")
def raise_keyboard_interrupt(run: Run) -> None:
    raise KeyboardInterrupt


@animal(says=r"GeneratorExit")
def raise_generator_exit(run: Run) -> None:
    raise GeneratorExit


@animal(says=r"RuntimeError: it was cancelled from within")
def raise_cancelled_error(run: Run) -> None:
    raise asyncio.CancelledError


@animal(says=r"StopIteration")
def raise_stop_iteration(run: Run) -> None:
    raise StopIteration(3)


@animal(says=r"ValueError: me")
def raise_in_a_circle(run: Run) -> None:
    error = ValueError("me")
    error.__cause__ = KeyError()
    error.__cause__.__cause__ = error
    raise error


@animal(says=r"ExceptionGroup: deep")
def raise_a_deep_group(run: Run) -> None:
    group: Exception = ValueError("core")
    for _ in range(5000):
        group = ExceptionGroup("deep", [group])
    raise group


@animal(says=r"ValueError: after has to be between 0 seconds and 366 days, not -5")
def retry_in_the_past(run: Run) -> Retry:
    return Retry(-5)


@animal(says=r"ValueError: after has to be between 0 seconds and 366 days, not nan")
def snooze_for_no_number(run: Run) -> Snooze:
    return Snooze(float("nan"))


@animal(says=r"UnstorableResult", attempts=2)
def retry_with_a_changed_delay(run: Run) -> None:
    again = Retry(1)
    again.after = float("nan")
    raise again


class BrokenPolicy(RetryPolicy):
    def delay(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("the policy is broken")


@animal(says=r"RuntimeError: the policy is broken", retry=BrokenPolicy(), attempts=2)
def fail_with_a_broken_policy(run: Run) -> None:
    raise ValueError


@animal(
    "async",
    "process",
    says=r"RuntimeError: the policy is broken",
    timeout=0.3,
    retry=BrokenPolicy(),
    attempts=2,
)
async def time_out_with_a_broken_policy(run: Run) -> None:
    await asyncio.Event().wait()


@animal("thread", says=r"RuntimeError: the policy is broken", timeout=0.3, retry=BrokenPolicy(), attempts=2)
def oversleep_with_a_broken_policy(run: Run) -> None:
    time.sleep(10)


# --- Wrong use of what a run offers ---


@animal(ends="completed", says="null")
def progress_without_number(run: Run) -> None:
    run.progress(float("nan"), float("inf"), "a\0\ud800")


@animal(ends="completed", says=r'"created"')
def enqueue_what_nobody_knows(run: Run) -> str:
    return run.enqueue("zoo-nobody-knows-this", {"a": 1}).outcome


@animal(says=r"BadPayload")
def enqueue_what_is_no_payload(run: Run) -> None:
    run.enqueue("zoo-nobody-knows-this", {"a": object()})


@animal(says=r"BadInput")
def enqueue_to_no_queue(run: Run) -> None:
    run.enqueue("zoo-nobody-knows-this", {}, queue="")


@animal(payload={"wrong": "shape"}, says=r"BadPayload: wrong: ")
def take_a_wrong_payload(run: Run) -> None: ...


@animal(ends="completed", says="null")
def take_the_run_apart(run: Run) -> None:
    del run.row
    del run._stop_reason


@animal("thread", "process", says=r"TimeoutError: timed out after 0.5 s", timeout=0.5)
def take_the_run_apart_and_stay(run: Run) -> None:
    del run.row
    del run._stop_reason
    time.sleep(2)


@animal(ends="completed", says="null")
def log_what_cannot_be_shown(run: Run) -> None:
    class Rude:
        def __format__(self, _: str) -> str:
            raise RuntimeError("not telling")

    run.log.info("{}", Rude())
    run.log.info("a\0b \ud800 \x1b[31m")


@animal("thread", "process", says=r"TypeError: it returned a coroutine: make it an `async def`")
def forget_to_be_async(run: Run) -> Any:
    return asyncio.sleep(1)


# --- Leaving things behind ---


@animal(ends="completed", says="null")
def leave_a_thread(run: Run) -> None:
    threading.Thread(target=time.sleep, args=[20], daemon=True).start()


@animal(*PROCESS, ends="completed", says="null")
def leave_a_busy_thread(run: Run) -> None:
    def spin() -> None:
        while True:
            pass

    threading.Thread(target=spin, daemon=True).start()


@animal(*PROCESS, ends="completed", says="null")
def leave_processes(run: Run) -> None:
    _leave_track(subprocess.Popen(SLEEPER).pid)
    _leave_track(subprocess.Popen(SLEEPER, start_new_session=True).pid)


@animal(*PROCESS, ends="completed", says="null")
def leave_a_daemon(run: Run) -> None:
    """Twice forked, in a session of its own: nobody's child."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    _leave_track(os.getpid())
    time.sleep(600)


@animal(*PROCESS, says="PermissionError")
def leave_its_group(run: Run) -> None:
    os.setsid()


@animal(*PROCESS, ends="completed", says="null")
def leave_another_world(run: Run) -> None:
    os.chdir("/")
    os.environ["ZOO_LEFT"] = "1"
    os.umask(0o777)
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.setrecursionlimit(100)
    json.loads = lambda *_: None  # type: ignore[assignment]


@animal(*PROCESS, ends="completed", says="null")
def close_its_output(run: Run) -> None:
    os.close(1)
    os.close(2)


@animal(*PROCESS, ends="completed", says="null")
def put_something_else_in_place_of_its_output(run: Run) -> None:
    sys.stdout = sys.stderr = object()  # type: ignore[assignment]


@animal(*PROCESS, says=r"UserWarning: now an error")
def make_warnings_errors(run: Run) -> None:
    warnings.simplefilter("error")
    warnings.warn("now an error", stacklevel=1)


@animal(*PROCESS, ends="completed", says="null")
def forget_all_modules(run: Run) -> None:
    sys.modules.clear()


# --- Taking the worker along ---


@killer("thread")
def leave_the_worker(run: Run) -> None:
    os._exit(0)


@killer("thread")
def crash_the_worker(run: Run) -> None:
    ctypes.string_at(0)


@killer("async")
def kill_the_worker(run: Run) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@animal("async", says=r"TimeoutError: timed out after 0.5 s", timeout=0.5, kept_in=KILLERS)
def block_the_event_loop_of_all(run: Run) -> None:
    time.sleep(600)


@animal("thread", says=r"TimeoutError: timed out after 0.5 s", timeout=0.5, kept_in=KILLERS)
def loop_in_a_thread(run: Run) -> None:
    while True:
        pass


def _leave_track(pid: int) -> None:
    with TRACKS.open("a") as file:
        file.write(f"{pid}\n")
