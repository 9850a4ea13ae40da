"""What expressions mean, by the days and times they name."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hourhand.timetable import Timetable, firings
from tests.timetable.oracle import utc


def dates(cron: str, year: int = 2026, n: int = 5) -> list[str]:
    return [f"{at:%m-%d}" for at in firings(cron, "UTC", utc(year, 1, 1) - timedelta(seconds=1), n)]


def times(cron: str, name: str | None = None) -> list[str]:
    """Of Thursday, 1 January 2026."""
    table = Timetable.of({"cron": cron, "name": name})
    before, last = utc(2025, 12, 31, 23, 59, 59), utc(2026, 1, 1, 23, 59, 59)
    return [f"{at:%H:%M:%S}".removesuffix(":00") for at in table.between(before, last, 2000)]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 9 * * *", ["09:00"]),
        ("0 9,17 * * *", ["09:00", "17:00"]),
        ("0 22-2/2 * * *", ["00:00", "02:00", "22:00"]),
        ("50-10/10 7 * * *", ["07:00", "07:10", "07:50"]),
        ("0 23/1 * * *", ["23:00"]),
        ("*/20 7 * * *", ["07:00", "07:20", "07:40"]),
        ("10/20 7 * * *", ["07:10", "07:30", "07:50"]),
        ("0 */24 * * *", ["00:00"]),
        ("15 30 7 * * *", ["07:30:15"]),
        ("*/30 0 7 * * *", ["07:00", "07:00:30"]),
        ("@daily", ["00:00"]),
        ("@Midnight", ["00:00"]),
        ("0 7 * * *;30 7 * * * ; 0 7 * * thu", ["07:00", "07:30"]),
        ("  0\t7 * *   * ", ["07:00"]),
        ("0 7 1 1 mon", ["07:00"]),
        ("0 7 2 1 thu", ["07:00"]),
        ("0 7 */2 1 fri", []),
        ("0 7 * * ?", ["07:00"]),
    ],
)
def test_the_times_of_a_day(cron: str, expected: Sequence[str]) -> None:
    assert times(cron) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("@weekly", ["01-04", "01-11", "01-18", "01-25", "02-01"]),
        ("@monthly", ["01-01", "02-01", "03-01", "04-01", "05-01"]),
        ("@yearly", ["01-01"] * 5),
        ("0 0 L * *", ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        ("0 0 30-L * *", ["01-30", "01-31", "03-30", "03-31", "04-30"]),
        ("0 0 L,15 * *", ["01-15", "01-31", "02-15", "02-28", "03-15"]),
        ("0 0 15W * *", ["01-15", "02-16", "03-16", "04-15", "05-15"]),
        ("0 0 W1 * *", ["01-01", "02-02", "03-02", "04-01", "05-01"]),
        ("0 0 1W 8 *", ["08-03", "08-02", "08-01", "08-01", "08-01"]),
        ("0 0 2W 5 *", ["05-01", "05-03", "05-02", "05-02", "05-02"]),
        ("0 0 31W * *", ["01-30", "02-27", "03-31", "04-30", "05-29"]),
        ("0 0 LW * *", ["01-30", "02-27", "03-31", "04-30", "05-29"]),
        ("0 0 * * 5L", ["01-30", "02-27", "03-27", "04-24", "05-29"]),
        ("0 0 * * L5", ["01-30", "02-27", "03-27", "04-24", "05-29"]),
        ("0 0 * * friL", ["01-30", "02-27", "03-27", "04-24", "05-29"]),
        ("0 0 * * mon#1", ["01-05", "02-02", "03-02", "04-06", "05-04"]),
        ("0 0 * * 7#5", ["03-29", "05-31", "08-30", "11-29", "01-31"]),
        ("0 0 * * mon-tue#1", ["01-05", "01-06", "02-02", "02-03", "03-02"]),
        ("0 0 * * sun-mon#1", ["01-04", "01-05", "02-01", "02-02", "03-01"]),
        ("0 0 * * fri-sun", ["01-02", "01-03", "01-04", "01-09", "01-10"]),
        ("0 0 * * 5-7", ["01-02", "01-03", "01-04", "01-09", "01-10"]),
        ("0 0 * * 0-7", ["01-01", "01-02", "01-03", "01-04", "01-05"]),
        ("0 0 1 nov-feb *", ["01-01", "02-01", "11-01", "12-01", "01-01"]),
        ("0 0 13 * fri", ["01-02", "01-09", "01-13", "01-16", "01-23"]),
        ("0 0 */12 * fri", ["02-13", "03-13", "05-01", "09-25", "11-13"]),
    ],
)
def test_the_days_of_a_year(cron: str, expected: Sequence[str]) -> None:
    assert dates(cron) == expected


def test_a_leap_day_on_one_weekday_is_found_forty_years_ahead() -> None:
    assert firings("0 0 29 2 */7", "UTC", utc(2088, 3, 1), 1) == [utc(2128, 2, 29)]


# --- H ---


def test_h_is_steady_for_a_name_and_spreads_names() -> None:
    chosen = {name: times("H H * * *", name)[0] for name in (f"schedule {n}" for n in range(500))}
    assert all(times("H H * * *", name) == [time] for name, time in chosen.items())
    assert len(set(chosen.values())) > 400


def test_h_never_changes_between_releases() -> None:
    assert times("H H(0-5) * * *", "nightly backup") == ["03:21"]
    assert times("H/20 7 * * *", "nightly backup") == ["07:01", "07:21", "07:41"]


def test_h_keeps_to_its_range_and_its_step() -> None:
    for name in map(str, range(60)):
        minute = int(times("H(10-19) 0 * * *", name)[0][3:])
        stepped = [int(time[3:]) for time in times("H(0-29)/10 0 * * *", name)]
        assert 10 <= minute <= 19
        assert stepped == [stepped[0], stepped[0] + 10, stepped[0] + 20]
        assert stepped[0] < 10


def test_h_as_a_day_of_the_month_comes_every_month() -> None:
    for name in map(str, range(60)):
        days = firings("0 0 H * *", "UTC", utc(2026, 1, 1) - timedelta(seconds=1), 12, name=name)
        assert [day.month for day in days] == list(range(1, 13))


def test_a_daily_macro_stays_at_midnight_whatever_the_name() -> None:
    assert times("@daily", "nightly backup") == ["00:00"]


def test_weekday_words_with_an_h_need_no_name() -> None:
    assert firings("0 0 * * thu", "UTC", utc(2026, 1, 1), 1) == [utc(2026, 1, 8)]
