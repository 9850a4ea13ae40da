"""Exactly one run or one reason for each due instant, whatever happens to the schedulers; see `race`."""

import psycopg
import pytest

from tests.scheduler.race import Race, sabotage
from tests.support.chaos import Print

SCHEDULES, SECONDS = 200, 4
DUE = 180 * 4 + 20 * 3
"""One of the ten kinds rests in one of four seconds."""


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Print:
    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}")

    return tell


@pytest.mark.slow
@pytest.mark.parametrize("schedulers", [2, 3, 10])
def test_each_due_instant_has_one_run_or_one_reason(database_url: str, schedulers: int, tell: Print) -> None:
    race = Race(database_url, schedulers, SCHEDULES, SECONDS)
    verdict = race.run()
    tell(f"{schedulers} schedulers: {verdict}; {dict(race.faults)}")
    assert verdict.complaints == []
    assert (verdict.judged, verdict.lost, verdict.doubled) == (DUE, 0, 0)
    assert {"fired", "skipped_overlap", "excluded", "paused"} <= verdict.decisions.keys()


@pytest.mark.slow
def test_the_judge_finds_what_a_broken_database_does(database_url: str, tell: Print) -> None:
    """Without comparing what was read, and without the ledger's primary key."""
    with psycopg.connect(database_url, autocommit=True) as database:
        sabotage(database, "both")
    verdict = Race(database_url, 3, SCHEDULES, SECONDS).run()
    tell(f"sabotaged: {verdict}")
    assert verdict.doubled > 0
