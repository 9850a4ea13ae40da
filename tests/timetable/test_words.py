"""Timetables and clock changes in words."""

import pytest

from hourhand.timetable import describe, dst_notes
from tests.timetable.oracle import utc, wall


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0,30 * * * *", "Every 30 minutes"),
        ("7/15 * * * *", "Every 15 minutes from minute 7"),
        ("*/7 * * * *", "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ("*/10 9-17 * * 1-5", "Every 10 minutes from 09:00 to 17:59, on Monday to Friday"),
        ("* 2 * * *", "Every minute from 02:00 to 02:59"),
        ("1,2,5 1,3,5-7 * * *", "At minutes 1, 2 and 5 of the hours 1, 3 and 5 to 7"),
        ("0 * * * *", "Every hour"),
        ("5 * * * *", "Every hour from 00:05"),
        ("0 */2 * * *", "Every 2 hours"),
        ("0 9-17 * * *", "Every hour from 09:00 to 17:00"),
        ("0 */6 * * *", "At 00:00, 06:00, 12:00 and 18:00 every day"),
        ("30 2 * * *", "At 02:30 every day"),
        ("30 2 * * *; @hourly", "At 02:30 every day; and every hour"),
        ("* * * * * *", "Every second"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("30 * * * * *", "At second 30 of every minute"),
        ("*/20 5 * * * *", "Every 20 seconds in minute 5 of every hour"),
        ("30 0 9 * * *", "At 09:00:30 every day"),
        ("0 9 * * mon-fri", "At 09:00, on Monday to Friday"),
        ("0 9 * 6-8 mon,thu", "At 09:00, on Monday and Thursday in June to August"),
        ("0 9 * 1,12 *", "At 09:00, every day in January and December"),
        ("0 9 1,15 * *", "At 09:00, on days 1 and 15 of the month"),
        ("0 9 29 2 *", "At 09:00, on day 29 of February"),
        ("0 9 L * *", "At 09:00, on the last day of the month"),
        ("0 9 LW * *", "At 09:00, on the last weekday of the month"),
        ("0 9 15W 3 *", "At 09:00, on the weekday nearest day 15 of March"),
        ("0 9 * * mon#2", "At 09:00, on the second Monday of the month"),
        ("0 9 * 1 5L", "At 09:00, on the last Friday of January"),
        ("0 9 1 * 1", "At 09:00, on day 1 of the month or on Monday"),
        ("0 9 13 * */5", "At 09:00, on day 13 of the month if it is Sunday or Friday"),
        ("0 9 1-31 * 1", "At 09:00 every day"),
    ],
)
def test_an_expression_in_words(cron: str, text: str) -> None:
    assert describe(cron) == text


def texts(cron: str, zone: str, year: int, **policy: str) -> list[str]:
    return [note.text for note in dst_notes(cron, zone, utc(year, 1, 1), utc(year + 1, 1, 1), **policy)]  # type: ignore[arg-type]


SPRING, AUTUMN = "2027-03-28 in Europe/Berlin: ", "2027-10-31 in Europe/Berlin: "
FORWARD, BACK = (
    "skipped, as clocks go forward from 02:00 to 03:00: ",
    "repeated, as clocks go back from 03:00 to 02:00: ",
)


def test_the_clock_changes_that_touch_a_nightly_job() -> None:
    assert texts("30 2 * * *", "Europe/Berlin", 2027) == [
        f"{SPRING}02:30 is {FORWARD}it fires once, right after the change",
        f"{AUTUMN}02:30 is {BACK}it fires only the first time",
    ]
    assert texts("30 2 * * *", "Europe/Berlin", 2027, dst_gap="skip", dst_overlap="both") == [
        f"{SPRING}02:30 is {FORWARD}it does not fire",
        f"{AUTUMN}02:30 is {BACK}it fires each time",
    ]


def test_a_wildcard_in_one_hour_loses_it_or_has_it_twice() -> None:
    assert texts("*/5 2 * * *", "Europe/Berlin", 2027) == [
        f"{SPRING}02:00, 02:05, 02:10, 02:15 and 8 more are {FORWARD}it does not fire",
        f"{AUTUMN}02:00, 02:05, 02:10, 02:15 and 8 more are {BACK}it fires each time",
    ]


def test_what_goes_by_elapsed_time_is_not_touched() -> None:
    assert texts("*/5 * * * *", "Europe/Berlin", 2027) == []
    assert texts("30 4 * * *", "Europe/Berlin", 2027) == []
    assert texts("30 2 * * *", "Asia/Tokyo", 2027) == []


def test_a_whole_day_can_be_skipped() -> None:
    assert texts("0 9 * * *", "Pacific/Apia", 2011)[-1] == (
        "2011-12-30 in Pacific/Apia: 09:00 is skipped, as clocks go forward "
        "from 2011-12-30 00:00 to 2011-12-31 00:00: it does not fire"
    )


def test_a_note_has_the_moment_and_the_local_times() -> None:
    spring, _ = dst_notes("0,30 2 * * *", "Europe/Berlin", utc(2027, 1, 1), utc(2028, 1, 1))
    assert (spring.kind, spring.at, spring.count) == ("skipped", utc(2027, 3, 28, 1), 2)
    assert (spring.begin, spring.end) == (wall(2027, 3, 28, 2), wall(2027, 3, 28, 3))
    assert spring.times == (wall(2027, 3, 28, 2), wall(2027, 3, 28, 2, 30))
