"""`hourhand schedule why` and `hourhand schedule backfill`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hourhand import Client
from hourhand.testing import DatabaseClock
from tests.cli.conftest import Hourhand

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def clock(database_url: str) -> Iterator[DatabaseClock]:
    with DatabaseClock(database_url) as clock:
        clock.freeze(NOON)
        yield clock


@pytest.fixture
def news(client: Client, clock: DatabaseClock) -> str:
    """Created at noon UTC; Berlin is an hour ahead."""
    client.schedules.create("news", "clean-news", cron="*/15 * * * *", timezone="Europe/Berlin")
    return "news"


# --- why ---


def test_a_time_of_day_is_todays_in_the_zone_of_the_schedule(hourhand: Hourhand, news: str) -> None:
    done = hourhand("schedule", "why", news, "--at", "16:05")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "2026-03-10 16:05:00 CET: this is not one of its times; the one before is 2026-03-10 16:00:00 CET"
        " and the next is 2026-03-10 16:15:00 CET.\n"
    )


@pytest.mark.parametrize(
    "at", ["2026-03-10T14:00", "2026-03-10T13:00Z", "2026-03-10T22:00+09:00", "14:00", "+1h", "14:00:00"]
)
def test_a_time_may_be_written_in_several_ways(hourhand: Hourhand, news: str, at: str) -> None:
    [found] = hourhand("schedule", "why", news, "--at", at, "--json").json
    assert (found["at"], found["kind"], found["timezone"]) == (
        "2026-03-10T13:00:00+00:00",
        "coming",
        "Europe/Berlin",
    )


def test_without_a_time_the_last_and_the_next_are_told(
    hourhand: Hourhand, news: str, clock: DatabaseClock
) -> None:
    clock.advance(timedelta(hours=1))
    lines = hourhand("schedule", "why", news).out.splitlines()
    assert [line[:23] for line in lines] == [
        f"2026-03-10 {time}:00 CET" for time in ("13:30", "13:45", "14:00", "14:15")
    ]


def test_a_repeated_local_time_has_two_answers(
    hourhand: Hourhand, client: Client, clock: DatabaseClock
) -> None:
    client.schedules.create("nightly", "t", cron="30 2 * * *", timezone="Europe/Berlin")
    found = hourhand("schedule", "why", "nightly", "--at", "2026-10-25T02:30", "--json").json
    assert [(each["at"][11:16], each["kind"]) for each in found] == [
        ("00:30", "coming"),
        ("01:30", "no_instant"),
    ]


@pytest.mark.parametrize("at", ["soon", "25:00", "2026-13-01", "2026-03-10T"])
def test_what_is_no_time_is_refused(hourhand: Hourhand, news: str, at: str) -> None:
    done = hourhand("schedule", "why", news, "--at", at)
    assert done.code == 2
    assert f"{at!r} is not a time" in done.err


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:59:59-12:00", "9999-12-31", "99999999d"])
def test_a_time_in_no_year_that_zones_share_is_refused(hourhand: Hourhand, news: str, at: str) -> None:
    done = hourhand("schedule", "why", news, "--at", at)
    assert (done.code, f"{at!r} is too far away" in done.err) == (2, True)


@pytest.mark.parametrize("verb", [["why"], ["why", "--at", "16:05"], ["backfill", "--from", "1d"]])
def test_an_unknown_name_is_told_with_the_one_that_may_be_meant(
    hourhand: Hourhand, news: str, verb: list[str]
) -> None:
    done = hourhand("schedule", *verb, "new")
    assert done.code == 1
    assert "Did you mean news?" in done.err


# --- backfill ---


def test_a_dry_run_says_how_many_and_from_when_to_when(hourhand: Hourhand, news: str, client: Client) -> None:
    done = hourhand("schedule", "backfill", news, "--from", "2h", "--dry-run")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "9 firings of news did not run: 2026-03-10 11:00:00 CET to 2026-03-10 13:00:00 CET\n"
        "Nothing was changed (dry run).\n"
    )
    assert client.runs.list() == []


def test_what_did_not_run_is_run(hourhand: Hourhand, news: str, client: Client) -> None:
    done = hourhand("schedule", "backfill", news, "--from", "2026-03-10T11:00", "--to", "2026-03-10T12:00")
    runs = [client.runs.get(int(line)) for line in done.out.splitlines()]
    assert [(run.trigger, run.scheduled_for) for run in runs] == [
        ("backfill", NOON - timedelta(minutes=120 - 15 * n)) for n in range(5)
    ]
    again = hourhand("schedule", "backfill", news, "--from", "2h")
    assert "4 firings of news did not run" in again.err
    assert "5 ran, 0 are excluded" in again.err
    last = hourhand("schedule", "backfill", news, "--from", "2h")
    assert "Every firing of news in this time has run" in last.err


def test_a_limit_takes_the_oldest(hourhand: Hourhand, news: str) -> None:
    done = hourhand("schedule", "backfill", news, "--from", "2h", "--limit", 2, "--json").json
    assert (done["count"], done["first"], done["last"], len(done["runs"])) == (
        2,
        "2026-03-10T10:00:00+00:00",
        "2026-03-10T10:15:00+00:00",
        2,
    )


def test_a_long_backfill_tells_how_far_it_is(
    hourhand: Hourhand, client: Client, clock: DatabaseClock
) -> None:
    client.schedules.create("often", "t", cron="* * * * *", timezone="UTC")
    done = hourhand("schedule", "backfill", "often", "--from", "20h")
    assert "1000 of 1201 enqueued\n1201 of 1201 enqueued\n" in done.err
    assert len(done.out.splitlines()) == 1201


def test_too_many_are_refused_with_what_to_try(
    hourhand: Hourhand, client: Client, clock: DatabaseClock
) -> None:
    client.schedules.create("often", "t", cron="* * * * *", timezone="UTC")
    done = hourhand("schedule", "backfill", "often", "--from", "30d")
    assert done.code == 2
    assert "more than 10000 firings of often did not run" in done.err
    assert "Choose a shorter time" in done.err


def test_what_the_scheduler_has_still_to_decide_is_said(
    hourhand: Hourhand, news: str, sql: object, clock: DatabaseClock
) -> None:
    assert callable(sql)
    sql("update hourhand.scheduled_jobs set next_run_at = '2026-03-10T11:30Z'")
    done = hourhand("schedule", "backfill", news, "--from", "1h", "--dry-run")
    assert "2 firings of news did not run" in done.err
    assert "From 2026-03-10 12:30:00 CET on the scheduler has still to decide" in done.err
