"""What is refused at the door, and whether the refusal helps."""

from collections.abc import Mapping

import pytest

from hourhand.errors import BadSchedule
from hourhand.timetable import BadTiming, Timetable, validate
from tests.timetable.oracle import utc

# The text, the field and the character that are wrong, and a word of the advice.
BAD_CRON = [
    ("", None, 0, "five fields"),
    ("   ", None, 0, "five fields"),
    ("* * * *", None, 0, "five fields"),
    ("* * * * * * 2030", None, 12, "year"),
    ("@reboot", None, 0, "@daily"),
    ("@every 5m", None, 0, "every"),
    ("@daily 5", None, 7, "alone"),
    ("0 0 * * *; @daily @hourly", None, 18, "alone"),
    ("CRON_TZ=UTC 0 0 * * *", None, 0, "time zone"),
    ("0 0 * * *;", None, 10, "five fields"),
    (";0 0 * * *", None, 0, "five fields"),
    ("0 0 * * *;;0 1 * * *", None, 10, "five fields"),
    ("0 0 * * * " + " " * 250, None, 256, "256"),
    ("0\u00a00 * * *", None, 1, "ASCII"),
    ("٥ 0 * * *", None, 0, "ASCII"),
    ("0 0 * *\0*", None, 7, "ASCII"),
    ("60 * * * *", "minute", 0, "0 to 59"),
    ("0 24 * * *", "hour", 2, "0 to 23"),
    ("0 0 32 * *", "day of month", 4, "1 to 31"),
    ("0 0 0 * *", "day of month", 4, "1 to 31"),
    ("0 0 * 13 *", "month", 6, "1 to 12"),
    ("0 0 * * 8", "day of week", 8, "0 to 6"),
    ("60 0 0 * * *", "second", 0, "0 to 59"),
    ("0,15,75 * * * *", "minute", 5, "0 to 59"),
    ("0 0 * foo *", "month", 6, "jan"),
    ("0 0 * * monday", "day of week", 8, "mon-fri"),
    ("0 0 * * *; 0 0 * * x", "day of week", 19, "mon-fri"),
    ("1,2,,3 * * * *", "minute", 4, "comma"),
    ("-5 * * * *", "minute", 0, "0 to 59"),
    ("5- * * * *", "minute", 0, "0 to 59"),
    ("1-2-3 * * * *", "minute", 0, "0 to 59"),
    ("*/x * * * *", "minute", 0, "0 to 59"),
    ("*/2/3 * * * *", "minute", 0, "0 to 59"),
    ("1.5 * * * *", "minute", 0, "0 to 59"),
    ("+5 * * * *", "minute", 0, "0 to 59"),
    ("5-5 * * * *", "minute", 0, "alone"),
    ("0 0 * * sun-0", "day of week", 8, "alone"),
    ("0 0 * * 7-0", "day of week", 8, "alone"),
    ("0 0 * * mon-mon#2", "day of week", 8, "alone"),
    ("0 0 31-L * *", "day of month", 4, "alone"),
    ("*/0 * * * *", "minute", 0, "smallest step"),
    ("*/90 * * * *", "minute", 0, "every"),
    ("30/45 * * * *", "minute", 0, "every"),
    ("*/9999999999 * * * *", "minute", 0, "every"),
    ("0 1-5/9999999999 * * *", "hour", 2, "every"),
    ("0 0-5/9 * * *", "hour", 2, "every"),
    ("R * * * *", "minute", 0, "H is steady"),
    ("0 R(0-5) * * *", "hour", 2, "H is steady"),
    ("H(5-70) * * * *", "minute", 0, "H(0-59)"),
    ("H(9-5) * * * *", "minute", 0, "H(0-59)"),
    ("H/90 * * * *", "minute", 0, "every"),
    ("H/0 * * * *", "minute", 0, "smallest step"),
    ("? * * * *", "minute", 0, "0 to 59"),
    ("0 0 ?,1 * *", "day of month", 4, "leave it out"),
    ("0 0 32W * *", "day of month", 4, "1 to 31"),
    ("0 0 1-5W * *", "day of month", 4, "15W"),
    ("0 0 L-3 * *", "day of month", 4, "L (the last)"),
    ("0 0 * * L", "day of week", 8, "5L"),
    ("0 0 * * 9L", "day of week", 8, "5L"),
    ("0 0 * * mon#6", "day of week", 8, "mon#2"),
    ("0 0 * * mon#0", "day of week", 8, "mon#2"),
    ("0 0 * * mon#1,tue", "day of week", 14, "';'"),
    ("0 0 30 2 *", "day of month", 4, "February"),
    ("0 0 31 4,6,9,11 *", "day of month", 4, "February"),
]


@pytest.mark.parametrize(("cron", "part", "position", "advice"), BAD_CRON)
def test_a_bad_expression_is_refused_with_its_place_and_advice(
    cron: str, part: str | None, position: int, advice: str
) -> None:
    with pytest.raises(BadTiming) as caught:
        Timetable.of({"cron": cron, "name": "nightly"})
    error = caught.value
    assert (error.field, error.part, error.position) == ("cron", part, position)
    assert advice in (error.hint or "")
    assert f"character {position + 1}" in str(error)
    assert len(str(error)) < 400


BAD_ROWS: list[tuple[Mapping[str, object], str, str]] = [
    ({}, "cron", "exactly one"),
    ({"cron": "0 0 * * *", "every": 60}, "every", "exactly one"),
    ({"every": 60, "run_at": "2027-01-01T00:00:00"}, "run_at", "exactly one"),
    ({"cron": 5}, "cron", "quotes"),
    ({"cron": "H * * * *"}, "cron", "name"),
    ({"cron": "0 0 * * *", "timezone": "EST"}, "timezone", "America/New_York"),
    ({"cron": "0 0 * * *", "timezone": "CET"}, "timezone", "Europe/Berlin"),
    ({"cron": "0 0 * * *", "timezone": "europe/berlin"}, "timezone", "Europe/Berlin"),
    ({"cron": "0 0 * * *", "timezone": "America/New York"}, "timezone", "America/New_York"),
    ({"cron": "0 0 * * *", "timezone": "FOO-5"}, "timezone", "summer time"),
    ({"cron": "0 0 * * *", "timezone": "UTC+2"}, "timezone", "summer time"),
    ({"cron": "0 0 * * *", "timezone": "../../etc/passwd"}, "timezone", "such as"),
    ({"cron": "0 0 * * *", "timezone": "localtime"}, "timezone", ""),
    ({"cron": "0 0 * * *", "dst_gap": "later"}, "dst_gap", "run_after, skip"),
    ({"cron": "0 0 * * *", "dst_overlap": "twice"}, "dst_overlap", "first, last, both"),
    ({"cron": "0 0 * * *", "starts_at": "2027-01-01T00:00:00"}, "starts_at", "instant"),
    ({"cron": "0 0 * * *", "ends_at": "infinity"}, "ends_at", "2026-12-24T09:00:00"),
    (
        {"cron": "0 0 * * *", "starts_at": "2027-01-02T00:00Z", "ends_at": "2027-01-01T00:00Z"},
        "ends_at",
        "later",
    ),
    (
        {"cron": "0 0 29 2 *", "starts_at": "2027-01-02T00:00Z", "ends_at": "2027-12-01T00:00Z"},
        "ends_at",
        "2028-02-29",
    ),
    ({"cron": "0 0 * * *", "starts_at": "2500-01-01T00:00Z"}, "starts_at", "2199"),
    ({"cron": "0 0 * * *", "ends_at": "1800-01-01T00:00Z"}, "ends_at", "later"),
    ({"cron": "0 0 * * *", "anchor": "2027-01-01T00:00Z"}, "anchor", "intervals"),
    ({"cron": "0 0 * * *", "exclude": "sat"}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * *", "exclude": [6]}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * *", "exclude": ["someday"]}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * *", "exclude": ["2026-02-30"]}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * *", "exclude": ["2026-12-25.."]}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * *", "exclude": ["2026-12-25..2026-12-24"]}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * *", "exclude": ["2026-12-25"] * 1001}, "exclude", "2026-12-25"),
    ({"cron": "0 0 * * sat", "exclude": ["sat"]}, "exclude", "take"),
    ({"every": 0.5}, "every", "duration"),
    ({"every": -60}, "every", "duration"),
    ({"every": 1e300}, "every", "duration"),
    ({"every": float("nan")}, "every", "seconds"),
    ({"every": True}, "every", "seconds"),
    ({"every": "PT1M"}, "every", "seconds"),
    ({"every": 60, "anchor": "soon"}, "anchor", "2026-12-24T09:00:00"),
    ({"run_at": "tomorrow"}, "run_at", "2026-12-24T09:00:00"),
    ({"run_at": "2027-01-01T00:00:00Z"}, "run_at", "timezone"),
    ({"run_at": "2026-03-29T02:30:00", "timezone": "Europe/Berlin", "dst_gap": "skip"}, "run_at", "skip"),
    ({"run_at": "0001-01-01T00:00:00"}, "run_at", "passed"),
    ({"run_at": "9999-12-31T23:59:59"}, "run_at", "passed"),
    ({"run_at": "2011-12-30T12:00:00", "timezone": "Pacific/Apia"}, "run_at", "skip"),
    ({"cron": "0 0 * * *", "dst_gap": 1}, "dst_gap", "run_after, skip"),
]


@pytest.mark.parametrize(("row", "field", "advice"), BAD_ROWS)
def test_a_bad_row_is_refused_by_the_field_that_is_wrong(
    row: Mapping[str, object], field: str, advice: str
) -> None:
    with pytest.raises(BadSchedule) as caught:
        validate(row)
    assert isinstance(caught.value, BadTiming)
    assert caught.value.field == field
    assert advice in (caught.value.hint or "")


def test_an_expression_that_never_fires_is_refused_though_another_does() -> None:
    first_of_the_month_and_fifth_monday = "0 0 */31 * mon#5"
    with pytest.raises(BadTiming, match="never fires") as caught:
        validate({"cron": f"0 0 * * *; {first_of_the_month_and_fifth_monday}"})
    assert caught.value.position == 11


def test_a_day_that_the_clocks_always_skip_is_refused_when_skipping_is_wished() -> None:
    change = {"cron": "30 2 */24 3 sun#4", "timezone": "Europe/Berlin"}
    assert validate(change).next(utc(2026, 1, 1)) == utc(2029, 3, 25, 1)
    with pytest.raises(BadTiming, match="never fires"):
        validate(change | {"dst_gap": "skip"})


def test_a_moment_that_has_passed_is_refused_only_when_now_is_known() -> None:
    row = {"run_at": "2026-01-01T00:00:00", "timezone": "UTC"}
    assert validate(row).next(utc(2025, 1, 1)) == utc(2026, 1, 1)
    with pytest.raises(BadTiming) as caught:
        validate(row, now=utc(2026, 1, 1))
    assert caught.value.field == "run_at"
