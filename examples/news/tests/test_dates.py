from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.news.dates import instant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mon, 02 Nov 2026 06:30:00 GMT", datetime(2026, 11, 2, 6, 30, tzinfo=UTC)),
        ("Sun, 01 Nov 2026 08:05:00 +0100\n      ", datetime(2026, 11, 1, 7, 5, tzinfo=UTC)),
        ("Sat, 31 Oct 2026 23:15:00 -0500", datetime(2026, 11, 1, 4, 15, tzinfo=UTC)),
        ("Fri, 30 Oct 2026 09:00 PST", datetime(2026, 10, 30, 17, 0, tzinfo=UTC)),
        ("2026-11-03T18:20:31.250+01:00", datetime(2026, 11, 3, 17, 20, 31, 250_000, tzinfo=UTC)),
        ("2026-10-25T02:30:00Z", datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
        ("2026-09-16", datetime(2026, 9, 16, tzinfo=UTC)),
        ("2026-09-16T10:00:00", datetime(2026, 9, 16, 10, tzinfo=UTC)),
    ],
)
def test_a_date_of_any_feed_format_becomes_utc(written: str, meant: datetime) -> None:
    assert instant(written) == meant


@pytest.mark.parametrize(
    ("written", "month"),
    [
        ("Seg, 24 Set 2026 19:42:40 -0300", 9),
        ("Ter, 03 Fev 2026 10:00:00 -0300", 2),
        ("mié, 5 ene 2026 10:00:00 +0100", 1),
        ("5 de octubre de 2026 10:00:00 GMT", 10),
        ("lun., 1 août 2026 10:00:00 +0200", 8),
        ("Mi, 04 Mär 2026 10:00:00 +0100", 3),
        ("Do, 07 Mai 2026 10:00:00 +0200", 5),
        ("gio, 2 lug 2026 10:00:00 +0200", 7),
        ("za, 19 mrt 2026 10:00:00 +0100", 3),
        ("Sáb, 19 Dez 2026 21:35:07 -0300", 12),
    ],
)
def test_a_month_may_be_named_in_the_publishers_language(written: str, month: int) -> None:
    found = instant(written)
    assert found is not None
    assert found.month == month


@pytest.mark.parametrize("written", ["", "sometime in autumn", "31 Foo 2026 10:00:00 GMT", "2026-13-45"])
def test_what_is_no_date_is_none(written: str) -> None:
    assert instant(written) is None


@given(st.one_of(st.text(), st.from_regex(r"\w{3}, \d{1,9} \w{3} \d{1,9} [\d:]{0,9} [+-]?\w{1,12}")))
def test_no_text_raises(written: str) -> None:
    found = instant(written)
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_an_instant_outside_the_calendar_is_none(written: str) -> None:
    assert instant(written) is None
