"""The questions a scheduler asks a timetable."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hourhand.timetable import Stretch, Timetable, firings, validate
from tests.timetable.oracle import utc, wall

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def timetable(cron: str = "0 9 * * *", timezone: str = "Europe/Berlin", **columns: object) -> Timetable:
    return Timetable.of({"cron": cron, "timezone": timezone, **columns})


# --- Next ---


def test_the_next_instant_is_strictly_after_and_in_utc() -> None:
    table = timetable()
    assert table.next(utc(2026, 1, 1, 7, 59, 59)) == utc(2026, 1, 1, 8)
    assert table.next(utc(2026, 1, 1, 8)) == utc(2026, 1, 2, 8)
    assert table.next(utc(2026, 1, 1, 7, 59, 59, 999_999)) == utc(2026, 1, 1, 8)
    assert table.next(utc(2026, 1, 1, 8, 0, 0, 1)) == utc(2026, 1, 2, 8)
    found = table.next(datetime(2026, 1, 1, 12, tzinfo=timezone(5 * HOUR)))
    assert found is not None
    assert found.tzinfo is UTC


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        timetable().next(wall(2026, 1, 1))


def test_the_calendar_has_a_beginning_and_an_end() -> None:
    table = timetable("0 0 1 1 *", "UTC")
    assert table.next(datetime.min.replace(tzinfo=UTC)) == utc(1900, 1, 1)
    assert table.next(utc(2199, 1, 1)) is None
    assert table.next(datetime.max.replace(tzinfo=UTC)) is None
    assert table.count_between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) == 300


def test_starts_at_and_ends_at_are_both_included() -> None:
    table = timetable(starts_at="2026-01-02T09:00:00+01:00", ends_at=utc(2026, 1, 4, 8))
    assert table.between(utc(2025, 1, 1), utc(2027, 1, 1)) == [utc(2026, 1, day, 8) for day in (2, 3, 4)]
    assert table.next(utc(2026, 1, 4, 8)) is None
    assert table.count_between(utc(2025, 1, 1), utc(2027, 1, 1)) == 3


def test_between_takes_no_more_than_asked_for() -> None:
    table = timetable("* * * * *")
    assert len(table.between(utc(2026, 1, 1), utc(2027, 1, 1), 7)) == 7
    assert table.between(utc(2026, 1, 2), utc(2026, 1, 1)) == []
    assert table.count_between(utc(2026, 1, 2), utc(2026, 1, 1)) == 0


def test_firings_is_the_same_walk() -> None:
    night = firings("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 12), 2)
    assert night == [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)]
    assert firings("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 12), 2, dst_overlap="both") == [
        utc(2026, 10, 25, 0, 30),
        utc(2026, 10, 25, 1, 30),
    ]
    assert firings("30 2 * * *", "Europe/Berlin", utc(2027, 3, 27, 12), 1) == [utc(2027, 3, 28, 1)]
    assert firings("30 2 * * *", "Europe/Berlin", utc(2027, 3, 27, 12), 1, "skip") == [
        utc(2027, 3, 29, 0, 30)
    ]


def test_what_a_gap_swallowed_is_found_from_the_last_moment_before() -> None:
    made_up = utc(2027, 3, 28, 1)
    table = timetable("30 2 * * *")
    assert table.next(made_up - timedelta(microseconds=1)) == made_up
    assert table.count_between(made_up - SECOND, made_up) == 1
    assert table.last_between(made_up - SECOND, made_up, 1).last == [made_up]


# --- Seconds ---


def test_seconds_come_first_and_keep_to_the_rule_of_the_clock_change() -> None:
    sunday = utc(2027, 3, 28, 0, 59)
    assert firings("*/30 30 2 * * *", "Europe/Berlin", sunday, 2) == [
        utc(2027, 3, 28, 1),
        utc(2027, 3, 29, 0, 30),
    ]
    assert firings("*/30 */30 2-3 * * *", "Europe/Berlin", sunday, 2) == [
        utc(2027, 3, 28, 1),
        utc(2027, 3, 28, 1, 0, 30),
    ]
    sunday = utc(2026, 10, 25, 0, 30)
    assert firings("*/30 30 2 * * *", "Europe/Berlin", sunday, 2) == [
        utc(2026, 10, 25, 0, 30, 30),
        utc(2026, 10, 26, 1, 30),
    ]


def test_every_second_of_a_day_is_counted_through_a_clock_change() -> None:
    table = timetable("* * * * * *")
    assert table.count_between(utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)) == 25 * 3600
    assert table.count_between(utc(2027, 3, 27, 23), utc(2027, 3, 28, 22)) == 23 * 3600


# --- Long downtimes ---


def test_the_tail_of_a_long_downtime_is_listed_and_the_rest_counted() -> None:
    after, until = utc(2025, 1, 1), utc(2026, 1, 1)
    tail = timetable("*/10 * * * *").last_between(after, until, 3)
    assert tail.last == [until - 20 * MINUTE, until - 10 * MINUTE, until]
    assert tail.earlier == 365 * 144 - 3
    assert (tail.earlier_first, tail.earlier_last) == (after + 10 * MINUTE, until - 30 * MINUTE)


def test_a_short_downtime_has_nothing_before_its_tail() -> None:
    tail = timetable().last_between(utc(2026, 1, 1), utc(2026, 1, 2), 5)
    assert tail.last == [utc(2026, 1, 1, 8)]
    assert (tail.earlier, tail.earlier_first, tail.earlier_last) == (0, None, None)


@pytest.mark.parametrize("cron", ["* * * * *", "* * * * * *", "*/5 * * * *; 0 9 * * *; */7 2 * * *"])
def test_a_year_of_downtime_costs_next_to_nothing(cron: str) -> None:
    table = timetable(cron, exclude=["sat", "2025-05-01"])
    table.last_between(utc(2025, 1, 1), utc(2026, 1, 1), 100)
    started = time.process_time()
    tail = table.last_between(utc(2025, 1, 1), utc(2026, 1, 1), 100)
    stretches = table.stretches(utc(2025, 1, 1), utc(2026, 1, 1))
    assert time.process_time() - started < 0.5
    assert (
        tail.earlier + 100
        == sum(stretch.count for stretch in stretches)
        == table.count_between(utc(2025, 1, 1), utc(2026, 1, 1))
    )


def test_expressions_that_meet_fire_once() -> None:
    table = timetable("0 * * * *; 0 9 * * *; 0,30 9 * * *")
    assert table.count_between(utc(2026, 1, 1, 7), utc(2026, 1, 1, 9)) == 3
    assert table.between(utc(2026, 1, 1, 7), utc(2026, 1, 1, 9)) == [
        utc(2026, 1, 1, 8),
        utc(2026, 1, 1, 8, 30),
        utc(2026, 1, 1, 9),
    ]


@pytest.mark.parametrize(
    "cron", ["0 0 29 2 */7", "0 0 */31 * mon#5", "30 2 */24 3 sun#4", "59 59 23 31 12 *"]
)
def test_rare_and_impossible_expressions_answer_at_once(cron: str) -> None:
    table = timetable(cron, dst_gap="skip")
    started = time.process_time()
    table.next(utc(2026, 1, 1))
    table.last_between(utc(1950, 1, 1), utc(2026, 1, 1), 3)
    table.period()
    assert time.process_time() - started < 1


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12", "Europe/Berlin"])
def test_rare_instants_are_found_in_both_directions(zone: str) -> None:
    table = timetable("0 0 29 2 *; 59 23 29 2 *", zone)
    begin, end = utc(1950, 1, 1), utc(2050, 1, 1)
    walked = table.between(begin, end)
    assert len(walked) == 50
    back = [table.last_between(begin, end, 1).last[0]]
    while tail := table.last_between(begin, back[-1] - MINUTE, 1).last:
        back += tail
    assert back[::-1] == walked


# --- Intervals ---


def test_an_interval_keeps_its_phase_for_ever() -> None:
    table = Timetable.of({"every": 5400, "anchor": "2026-01-01T00:10:00Z"})
    assert table.next(utc(2026, 1, 1)) == utc(2026, 1, 1, 0, 10)
    assert table.next(utc(2026, 1, 1, 0, 10)) == utc(2026, 1, 1, 1, 40)
    later = table.next(utc(2036, 1, 1))
    assert later is not None
    assert (later - utc(2026, 1, 1, 0, 10)) % timedelta(seconds=5400) == timedelta(0)
    assert table.count_between(utc(2026, 1, 1), utc(2027, 1, 1)) == 365 * 16
    assert table.last_between(utc(2026, 1, 1), utc(2026, 1, 1, 2), 1).last == [utc(2026, 1, 1, 1, 40)]


def test_an_interval_goes_by_elapsed_time_through_clock_changes() -> None:
    table = Timetable.of(
        {"every": timedelta(days=1), "anchor": utc(2026, 10, 24, 7), "timezone": "Europe/Berlin"}
    )
    assert table.between(utc(2026, 10, 24), utc(2026, 10, 26)) == [utc(2026, 10, 24, 7), utc(2026, 10, 25, 7)]


def test_an_interval_counts_from_its_creation_when_it_has_no_anchor() -> None:
    created = utc(2026, 1, 1, 12, 34, 56, 789)
    table = Timetable.of({"every": 1.5, "created_at": created.isoformat()})
    assert table.next(created) == created + timedelta(seconds=1.5)


# --- Single moments ---


def test_a_moment_is_local_time_and_comes_once() -> None:
    table = Timetable.of({"run_at": "2026-07-01T09:00:00.25", "timezone": "Europe/Berlin"})
    assert table.next(utc(2026, 1, 1)) == utc(2026, 7, 1, 7, 0, 0, 250_000)
    assert table.next(utc(2026, 7, 1, 7, 0, 0, 250_000)) is None
    assert table.count_between(utc(2000, 1, 1), utc(2100, 1, 1)) == 1
    assert table.period() is None


@pytest.mark.parametrize(
    ("run_at", "policy", "expected"),
    [
        ("2027-03-28T02:30:00.5", {}, [utc(2027, 3, 28, 1)]),
        ("2027-03-28T02:30:00", {"dst_gap": "skip"}, []),
        ("2026-10-25T02:30:00", {}, [utc(2026, 10, 25, 0, 30)]),
        ("2026-10-25T02:30:00", {"dst_overlap": "last"}, [utc(2026, 10, 25, 1, 30)]),
        (
            "2026-10-25T02:30:00",
            {"dst_overlap": "both"},
            [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)],
        ),
    ],
)
def test_a_moment_keeps_to_the_rule_of_the_clock_change(
    run_at: str, policy: dict[str, str], expected: list[datetime]
) -> None:
    table = Timetable.of({"run_at": run_at, "timezone": "Europe/Berlin", **policy})
    assert table.between(utc(2026, 1, 1), utc(2028, 1, 1)) == expected


# --- Exclusions ---


def test_excluded_dates_are_local_dates() -> None:
    table = timetable("0 */6 * * *", "Pacific/Auckland", exclude=["2026-12-25", "sun"])
    instants = table.between(utc(2026, 12, 24), utc(2026, 12, 25, 23))
    assert {at: table.excluded(at) for at in instants} == {
        utc(2026, 12, 24, 5): None,
        utc(2026, 12, 24, 11): "2026-12-25",
        utc(2026, 12, 24, 17): "2026-12-25",
        utc(2026, 12, 24, 23): "2026-12-25",
        utc(2026, 12, 25, 5): "2026-12-25",
        utc(2026, 12, 25, 11): None,
        utc(2026, 12, 25, 17): None,
        utc(2026, 12, 25, 23): None,
    }
    assert table.excluded(utc(2026, 12, 26, 12)) == "sun"


def test_the_next_included_instant_passes_over_whole_stretches() -> None:
    table = timetable("* * * * *", exclude=["2026-12-24..2027-01-02", "2027-01-02..2027-01-05", "wed"])
    assert table.next(utc(2026, 12, 23, 23)) == utc(2026, 12, 23, 23, 1)
    assert table.next_included(utc(2026, 12, 22, 22, 59)) == utc(2027, 1, 6, 23)
    assert table.next_included(utc(2027, 1, 7)) == utc(2027, 1, 7, 0, 1)


def test_stretches_say_what_was_excluded_and_what_was_not() -> None:
    table = timetable("0 12 * * *", "UTC", exclude=["Saturday", "2026-12-24..2026-12-25"])
    assert table.stretches(utc(2026, 12, 23), utc(2026, 12, 29)) == [
        Stretch(utc(2026, 12, 23, 12), utc(2026, 12, 23, 12), 1, None),
        Stretch(utc(2026, 12, 24, 12), utc(2026, 12, 25, 12), 2, "2026-12-24..2026-12-25"),
        Stretch(utc(2026, 12, 26, 12), utc(2026, 12, 26, 12), 1, "Saturday"),
        Stretch(utc(2026, 12, 27, 12), utc(2026, 12, 28, 12), 2, None),
    ]


def test_without_exclusions_there_is_one_stretch() -> None:
    after, until = utc(2026, 1, 1), utc(2026, 2, 1)
    assert timetable().stretches(after, until) == [Stretch(utc(2026, 1, 1, 8), utc(2026, 1, 31, 8), 31, None)]
    assert timetable().stretches(after, after) == []


def test_a_workday_schedule_with_excluded_weekends_has_one_stretch() -> None:
    table = timetable("0 9 * * mon-fri", exclude=["sat", "sun"])
    assert [stretch.count for stretch in table.stretches(utc(2026, 1, 1), utc(2026, 2, 1))] == [22]


def test_a_schedule_may_rest_for_years() -> None:
    table = validate({"cron": "* * * * *", "exclude": ["2000-01-01..2039-12-31"]})
    assert table.next_included(utc(2026, 1, 1)) == utc(2040, 1, 1)


# --- The rest ---


@pytest.mark.parametrize(
    ("row", "period"),
    [
        ({"cron": "* * * * * *"}, SECOND),
        ({"cron": "*/7 * * * *"}, 7 * MINUTE),
        ({"cron": "0 9 * * mon-fri"}, DAY),
        ({"cron": "30 2 * * *", "timezone": "Europe/Berlin"}, DAY),
        ({"cron": "0 0 * * 0"}, 7 * DAY),
        ({"cron": "0 0 29 2 *"}, 1461 * DAY),
        ({"every": 90}, 90 * SECOND),
        ({"cron": "0 0 1 1 *", "ends_at": "2024-06-01T00:00Z"}, None),
    ],
)
def test_the_period_is_the_usual_distance(row: dict[str, object], period: timedelta | None) -> None:
    assert Timetable.of(row).period() == period


def test_the_default_zone_is_the_callers() -> None:
    assert Timetable.of({"cron": "0 9 * * *"}, "Asia/Tokyo").next(utc(2026, 1, 1)) == utc(2026, 1, 2)
    assert Timetable.of({"cron": "0 9 * * *", "timezone": None}).next(utc(2026, 1, 1)) == utc(2026, 1, 1, 9)


def test_a_row_as_the_database_answers_it_is_understood() -> None:
    row = {
        "id": 7,
        "name": "nightly",
        "cron": None,
        "every": 3600,
        "anchor": None,
        "run_at": None,
        "timezone": "Europe/Berlin",
        "dst_gap": "run_after",
        "dst_overlap": "first",
        "starts_at": "2026-01-01T00:00:00+00:00",
        "ends_at": None,
        "exclude": None,
        "created_at": "2025-11-22T01:10:51.5+00:00",
    }
    assert Timetable.of(row).next(utc(2025, 12, 1)) == utc(2026, 1, 1, 0, 10, 51, 500_000)


def test_importing_the_timetable_does_not_import_croniter() -> None:
    code = "import sys, hourhand.timetable; sys.exit('croniter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
