"""The database's clock as the scheduler sees it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hourhand_scheduler.clock import DatabaseClock

EPOCH = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class World:
    """A database whose clock is `ahead`, reached in `there` seconds and heard from in `back` seconds."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.ahead = timedelta(0)
        self.clock = DatabaseClock(lambda: self.monotonic)

    def database_now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.monotonic) + self.ahead

    def call(self, there: float, back: float) -> datetime:
        sent = self.monotonic
        self.monotonic += there
        began = self.database_now()
        self.monotonic += back
        self.clock.observe(sent, began)
        return began


def close(a: datetime, b: datetime) -> bool:
    return abs(a - b) < timedelta(microseconds=2)


def test_before_the_first_answer_nothing_is_due() -> None:
    assert World().clock.now() == datetime.min.replace(tzinfo=UTC)


def test_the_next_call_begins_there_when_the_clock_says() -> None:
    world = World()
    world.call(0.040, 0.060)
    expected = world.clock.now()
    assert close(world.call(0.040, 0.060), expected)


def test_the_quickest_call_counts() -> None:
    world = World()
    for there in (0.5, 0.002, 0.3):
        world.call(there, 0.1)
    assert close(world.clock.now(), world.database_now() + timedelta(seconds=0.002))


@given(st.lists(st.tuples(st.floats(0.0001, 5), st.floats(0.0001, 5)), min_size=1, max_size=20))
def test_a_call_as_quick_as_the_quickest_is_never_early(calls: list[tuple[float, float]]) -> None:
    world = World()
    for there, back in calls:
        world.call(there, back)
    instant = world.database_now() + timedelta(seconds=10)
    world.monotonic += world.clock.until(instant) + 1e-5
    assert world.call(min(there for there, _ in calls), 0) >= instant


def test_a_clock_that_was_set_forward_is_followed() -> None:
    world = World()
    world.call(0.01, 0.01)
    world.ahead = timedelta(hours=1)
    world.call(0.01, 0.01)
    assert close(world.clock.now(), world.database_now() + timedelta(seconds=0.01))


def test_a_clock_that_was_set_back_is_followed() -> None:
    world = World()
    world.call(0.01, 0.01)
    world.ahead = timedelta(hours=-1)
    world.call(0.5, 0.01)
    assert close(world.clock.now(), world.database_now() + timedelta(seconds=0.5))


def test_until_is_never_negative() -> None:
    world = World()
    world.call(0.01, 0.01)
    assert world.clock.until(EPOCH) == 0
