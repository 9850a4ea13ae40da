from datetime import UTC, datetime, timedelta
from typing import Any

from hourhand_worker.pace import LADDER, Pace

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def answer(next_in: float | None = None, *, full: bool = False, now: datetime = NOW) -> dict[str, Any]:
    instant = None if next_in is None else (NOW + timedelta(seconds=next_in)).isoformat()
    return {"now": now.isoformat(), "next_at": instant, "full": full}


def test_a_full_answer_means_at_once():
    assert Pace(30).after(answer(5, full=True)) == 0


def test_without_a_known_instant_the_poll_decides():
    assert Pace(30).after(answer()) == 30


def test_a_known_instant_is_waited_for_but_not_beyond_the_poll():
    assert Pace(30).after(answer(1.5)) == 1.5
    assert Pace(30).after(answer(31)) == 30


def test_what_is_not_there_at_its_instant_is_looked_for_a_few_times_and_then_left_to_the_poll():
    pace = Pace(30)
    late = answer(-0.001)
    assert [pace.after(late) for _ in range(6)] == [*LADDER, 30, 30]


def test_another_instant_is_looked_for_anew():
    pace = Pace(30)
    for _ in range(5):
        pace.after(answer(-1))
    assert pace.after(answer(-0.5)) == LADDER[0]


def test_a_poll_shorter_than_the_ladder_wins():
    pace = Pace(0.05)
    assert [pace.after(answer(-1)) for _ in range(4)] == [0.02, 0.05, 0.05, 0.05]
