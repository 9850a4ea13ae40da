from datetime import date, timedelta

import pytest

from examples.file_insights import findings
from examples.file_insights.columns import number_of, profile, read_column

DAYS = read_column("day", [str(date(2026, 1, 1) + timedelta(n)) for n in range(40)])


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12.0),
        ("-1.5e3", -1500.0),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("0,5", 0.5),
        ("7 %", 7.0),
        ("$3", 3.0),
        ("12 days", None),
        ("1.2.3", None),
        ("1e400", None),
    ],
)
def test_numbers_are_read_as_people_write_them(cell: str, value: float | None) -> None:
    assert number_of(cell) == value


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "", "n/a"], "number"),
        (["2026-01-01", "2026-02-01"], "date"),
        (["Jan 1 2000", "Feb 1 2000"], "date"),
        (["2010/01/01 00:00", "2010/01/01 01:00"], "date"),
        (["1", "two", "3"], "words"),
        (["", "-"], "empty"),
    ],
)
def test_a_column_is_of_the_kind_of_its_cells(cells: list[str], kind: str) -> None:
    assert read_column("c", cells).kind == kind


def test_a_profile_says_how_much_there_is_and_how_far_it_reaches() -> None:
    facts = profile(read_column("c", ["1", "2", "", "4", "4"]))
    assert facts == {
        "kind": "number",
        "filled": 4,
        "missing": 1,
        "different": 4,
        "min": 1.0,
        "max": 4.0,
        "mean": 2.75,
        "median": 3.0,
        "deviation": 1.5,
    }


def test_one_value_far_from_the_others_is_found_with_its_row() -> None:
    found = findings.outliers(read_column("c", [*map(str, range(30)), "900"]))
    assert found is not None
    assert (found.count, found.examples) == (1, [{"row": 31.0, "value": 900.0}])


def test_a_long_tail_and_a_constant_are_no_anomalies() -> None:
    assert findings.outliers(read_column("c", [str(2**n) for n in range(30)])) is None
    assert findings.outliers(read_column("c", [*["0"] * 30, "5"])) is None


def test_what_rises_with_time_is_a_trend_and_noise_is_none() -> None:
    rising = read_column("up", [str(10 + n) for n in range(40)])
    noise = read_column("noise", [str(n * 7919 % 13) for n in range(40)])
    (trend,) = findings.trends([DAYS, rising, noise])
    assert (trend.column, trend.points) == ("up", 40)
    assert trend.per_year == pytest.approx(365.25)
    assert trend.fit == pytest.approx(1)
    assert trend.sentence == "up rises over day by 39 in 39 days (132% of its mean)."


def test_a_trend_over_years_is_told_by_the_year() -> None:
    years = read_column("year", [f"{1990 + n}-01-01" for n in range(20)])
    (trend,) = findings.trends([years, read_column("down", [str(100 - n) for n in range(20)])])
    assert trend.sentence == "down falls over year by 1 a year (1% of its mean)."


def test_numbers_that_move_together_are_a_relation() -> None:
    one = read_column("one", [str(n) for n in range(10)])
    other = read_column("other", [str(-2 * n) for n in range(10)])
    constant = read_column("constant", ["3"] * 10)
    (relation,) = findings.relations([one, other, constant])
    assert relation.sentence == "one and other move in opposite ways (r = -1.00)."
