"""Durations as people write and read them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourhand.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("1.5", 1.5),
        ("250ms", 0.25),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("2 days", 172_800),
        ("1 Week", 604_800),
        ("5 min", 300),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "often", "-5m", "1 month", "2 years", "5m!", "m5", "1h30", "9" * 100, "9999999999w"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit of time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0001, "1ms"),
        (0.45, "450ms"),
        (0.9999, "1s"),
        (2.5, "2.5s"),
        (4.97, "5s"),
        (9.96, "10s"),
        (5400, "1h 30m"),
        (172_800, "2d"),
        (172_859, "2d"),
        (-90, "-1m 30s"),
    ],
)
def test_a_duration_is_told_in_two_units_at_most(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_told_reads_back_as_nearly_the_same(seconds: int) -> None:
    told = parse_duration(format_duration(seconds)).total_seconds()
    assert told <= seconds
    assert seconds - told <= seconds / 24
