import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from hourhand import log
from hourhand.errors import Unavailable
from hourhand.log.lines import Line
from hourhand.loop import Bell, Loop, signals


class Time:
    """A monotonic and a wall clock that stand still until moved."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall_offset = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.wall_offset


class FakeBell(Bell):
    """Waiting moves the time at once; `asleep` may do something in each wait."""

    def __init__(self, time: Time, asleep: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._time = time
        self._asleep = asleep

    def wait(self, seconds: float) -> bool:
        if seconds > 0:
            self._asleep()
        if super().wait(0):
            return True
        self._time.now += max(seconds, 0)
        return False


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    with log.captured() as captured:
        yield captured


def loop_of(
    time: Time, step: Callable[[], float], asleep: Callable[[], None] = lambda: None, **options: object
) -> Loop:
    bell = FakeBell(time, asleep)
    return Loop(step, name="poll", monotonic=time.monotonic, wall=time.wall, bell=bell, **options)  # type: ignore[arg-type]


def calls_at(time: Time, steps: int, took: float = 0, delay: float = 60, **options: object) -> list[float]:
    """When a step is called that takes and asks for so long, in seconds since the start."""
    began, at = time.now, []

    def step() -> float:
        at.append(time.now - began)
        time.now += took
        if len(at) == steps:
            loop.stop()
        return delay

    loop = loop_of(time, step, **options)
    loop.run()
    return at


def test_the_step_says_when_it_wants_to_be_called_again(time: Time) -> None:
    assert calls_at(time, 3, delay=60) == [0, 60, 120]


def test_zero_means_at_once(time: Time) -> None:
    assert calls_at(time, 4, delay=0) == [0, 0, 0, 0]


def test_beats_keep_their_phase_however_long_a_step_takes(time: Time) -> None:
    assert calls_at(time, 4, took=7, delay=60, every=60) == pytest.approx([0, 60, 120, 180])


def test_missed_beats_are_not_made_up_for(time: Time) -> None:
    assert calls_at(time, 3, took=150, delay=60, every=60) == pytest.approx([0, 180, 360])


def test_a_step_may_ask_for_less_than_the_beat(time: Time) -> None:
    assert calls_at(time, 4, delay=25, every=60) == pytest.approx([0, 25, 50, 60])


@pytest.mark.parametrize(
    ("error", "longest"),
    [(RuntimeError("broken"), [1, 2, 4, 8, 16, 30, 30]), (Unavailable("no connection"), [1, 2, 4, 4, 4])],
)
def test_a_failing_step_is_tried_again_ever_more_slowly(
    time: Time, error: Exception, longest: list[float]
) -> None:
    """But soon enough after the database is back."""

    def step() -> float:
        raise error

    loop = loop_of(time, step)
    for most in longest:
        assert 0.75 * most <= loop.tick() <= most


def test_the_other_side_may_ask_for_more_time(time: Time) -> None:
    def step() -> float:
        raise Unavailable("too many connections", retry_after=12)

    assert loop_of(time, step).tick() == 12


def test_an_outage_costs_one_warning_and_one_line_when_it_is_over(time: Time, lines: list[Line]) -> None:
    errors: list[Exception | None] = [
        Unavailable("no connection", "Start it."),
        Unavailable("no connection"),
        None,
        None,
    ]

    def step() -> float:
        time.now += 2
        if error := errors.pop(0):
            raise error
        return 5

    loop = loop_of(time, step)
    delays = [loop.tick() for _ in range(4)]
    assert delays[2:] == [5, 5]
    assert [(line.event, line.level) for line in lines] == [
        ("loop.failed", "WARNING"),
        ("loop.recovered", "INFO"),
    ]
    assert lines[0].message.startswith("poll failed: no connection; trying again in 1 s")
    assert lines[0].fields["hint"] == "Start it."
    assert lines[1].message == "poll works again after 4 s and 2 failures"


def test_another_kind_of_error_within_an_outage_is_told_too(time: Time, lines: list[Line]) -> None:
    errors = [Unavailable("gone"), KeyError("a mistake"), Unavailable("gone"), KeyError("a mistake")]

    def step() -> float:
        raise errors.pop(0)

    loop = loop_of(time, step)
    for _ in range(4):
        loop.tick()
    assert [line.level for line in lines] == ["WARNING", "ERROR"]
    assert "traceback" not in lines[0].fields
    assert "a mistake" in str(lines[1].fields["traceback"])


def test_a_wake_does_not_shorten_the_rest_after_an_error(time: Time) -> None:
    def step() -> float:
        raise Unavailable("no connection")

    def wake_after_a_moment() -> None:
        time.now += 0.2
        loop.wake()

    loop = loop_of(time, step, asleep=wake_after_a_moment)
    loop.tick()
    before = time.now
    loop.rest(2)
    assert time.now - before >= 2


def test_a_machine_that_slept_is_noticed_and_the_step_called_at_once(time: Time, lines: list[Line]) -> None:
    jumps: list[float] = []

    def sleep_an_hour() -> None:
        time.wall_offset += 3600
        loop._bell._asleep = lambda: None  # type: ignore[attr-defined]

    loop = loop_of(time, lambda: 60, asleep=sleep_an_hour, on_jump=jumps.append)
    before = time.now
    loop.rest(60)
    assert jumps == [pytest.approx(3600)]
    assert time.now - before < 10
    assert [line.event for line in lines] == ["clock.jumped"]


def test_a_clock_that_is_slewed_is_no_jump(time: Time, lines: list[Line]) -> None:
    def slew() -> None:
        time.wall_offset += 0.1

    loop = loop_of(time, lambda: 60, asleep=slew)
    before = time.now
    loop.rest(60)
    assert time.now - before == pytest.approx(60)
    assert lines == []


def test_a_wake_before_the_step_is_answered_by_it(time: Time) -> None:
    loop = loop_of(time, lambda: 60)
    loop.wake()
    before = time.now
    loop.rest(loop.tick())
    assert time.now - before == 60


def test_an_error_of_a_callback_does_not_end_the_loop(time: Time, lines: list[Line]) -> None:
    def broken() -> None:
        raise ValueError("broken callback")

    loop = loop_of(time, lambda: 60)
    loop.request(broken)
    assert loop.tick() == 60
    assert [line.event for line in lines] == ["loop.error"]


def test_a_wake_from_another_thread_calls_the_step_now() -> None:
    called = threading.Semaphore(0)

    def step() -> float:
        called.release()
        return 3600

    loop = Loop(step)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        assert called.acquire(timeout=10)
        loop.wake()
        assert called.acquire(timeout=10)
    finally:
        loop.stop()
        thread.join(10)
    assert not thread.is_alive()


def test_a_wake_while_the_step_is_called_calls_it_once_more(time: Time) -> None:
    calls = []

    def step() -> float:
        calls.append(time.now)
        if len(calls) == 1:
            loop.wake()
            loop.wake()
        else:
            loop.stop()
        return 60

    loop = loop_of(time, step)
    loop.run()
    assert calls == [1000.0, 1000.0]


# --- Signals ---


def handlers() -> list[object]:
    return [
        signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_stops_and_handlers_are_restored(number: signal.Signals) -> None:
    before = handlers()
    loop = Loop(lambda: 3600)
    timer = threading.Timer(0.05, os.kill, [os.getpid(), number])
    timer.start()
    with signals(loop):
        loop.run()
    timer.join()
    assert loop.stopping
    assert not loop.forced
    assert handlers() == before


def test_a_second_signal_forces_and_a_third_ends_the_process() -> None:
    loop = Loop(lambda: 3600)
    with signals(loop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert (loop.stopping, loop.forced) == (True, False)
        os.kill(os.getpid(), signal.SIGINT)
        assert loop.forced
        assert handlers()[:2] == [signal.SIG_DFL, signal.SIG_DFL]


def test_a_signal_during_a_stop_of_its_own_does_not_force() -> None:
    loop = Loop(lambda: 3600)
    loop.stop()
    with signals(loop):
        os.kill(os.getpid(), signal.SIGTERM)
    assert not loop.forced


def test_hup_reloads_and_usr1_dumps_between_two_steps() -> None:
    done: list[str] = []
    inside = False

    def step() -> float:
        nonlocal inside
        inside = True
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert done == []
        inside = False
        return 3600

    def note(what: str) -> None:
        assert not inside
        done.append(what)
        if len(done) == 2:
            loop.stop()

    loop = Loop(step)
    with signals(loop, reload=lambda: note("reload"), dump=lambda: note("dump")):
        loop.run()
    assert done == ["reload", "dump"]


def test_handlers_may_wake_a_loop_at_any_moment() -> None:
    """A thousand signals hit the loop wherever it is; with a lock that is not reentrant it hangs."""
    calls = 0

    def step() -> float:
        nonlocal calls
        calls += 1
        if calls == 1000:
            loop.stop()
        return 3600

    loop = Loop(step)
    before = signal.signal(signal.SIGALRM, lambda *_: loop.wake())
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        loop.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert calls == 1000


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    before = handlers()
    inside: list[list[object]] = []

    def body() -> None:
        with signals(Loop(lambda: 1)):
            inside.append(handlers())

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(10)
    assert inside == [before]
