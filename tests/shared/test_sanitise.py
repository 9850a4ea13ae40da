import json
import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from hourhand.sanitise import MAX_DEPTH, Json, sanitise, sanitise_text


class Feed(BaseModel):
    url: str
    password: SecretStr = SecretStr("hidden")


@dataclass
class Point:
    x: int
    y: object


class Colour(Enum):
    RED = "red"


class Spiteful:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class SpitefulMapping(dict[str, object]):
    def items(self) -> Any:
        raise RuntimeError("no")


def depth(value: Json) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


def plain(value: Json) -> Iterator[Json]:
    yield value
    if isinstance(value, dict):
        yield from value.keys()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from plain(inner)


def assert_storable(value: Json, max_bytes: int) -> None:
    """What jsonb and hourhand's checks on it take."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) <= max_bytes
    assert "\\u0000" not in text
    assert depth(value) <= MAX_DEPTH
    for inner in plain(value):
        assert type(inner) in {type(None), bool, int, float, str, list, dict}
        if isinstance(inner, int | float) and inner:
            assert "e" not in f"{Decimal(inner):f}"
            assert 1e-290 <= abs(inner) < 1e308


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        ({"a": [1, 2.5, "x"]}, {"a": [1, 2.5, "x"]}),
        ("a\0b", "a�b"),
        ("a\ud800b", "a�b"),
        ("\ud83d\ude00", "😀"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (5e-324, "5e-324"),
        (10**400, hex(10**400)),
        (Decimal("1.10"), "1.10"),
        (Decimal("1e5000"), "1E+5000"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1), 60.0),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\xfe", "//4="),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, (2,)), [1, [2]]),
        (Colour.RED, "red"),
        (Path("/tmp/x"), "/tmp/x"),
        (Feed(url="u"), {"url": "u", "password": "**********"}),
        (Point(1, Point(2, None)), {"x": 1, "y": {"x": 2, "y": None}}),
        ({1: "a", None: "b", False: "c", Colour.RED: "d"}, {"1": "a", "null": "b", "false": "c", "red": "d"}),
        (ValueError("bad"), "ValueError: bad"),
        (Spiteful(), "<Spiteful that cannot be shown>"),
        ({"a": SpitefulMapping(), "b": 1}, {"a": "<SpitefulMapping that cannot be shown>", "b": 1}),
    ],
)
def test_each_value_becomes_readable_json(value: object, expected: object) -> None:
    assert sanitise(value) == expected


def test_a_value_that_is_too_deep_is_cut_where_it_is() -> None:
    nested: object = "bottom"
    for _ in range(1500):
        nested = [nested]
    result = sanitise({"deep": nested, "beside": 1})
    assert isinstance(result, dict)
    assert result["beside"] == 1
    assert_storable(result, 1000)
    assert "…" in json.dumps(result, ensure_ascii=False)


def test_the_marks_of_all_levels_count_as_well() -> None:
    nested: object = "x" * 5000
    for _ in range(60):
        nested = {"a": nested, "b": 1, "c": 2}
    assert_storable(sanitise(nested, 3000), 3000)


def test_a_value_that_holds_itself_many_times_ends() -> None:
    loop: list[object] = []
    loop.extend([loop, loop, loop])
    assert_storable(sanitise(loop, 10_000), 10_000)


def test_a_large_value_keeps_its_beginning_and_says_that_it_was_cut() -> None:
    result = sanitise({"items": list(range(1_000_000)), "name": "x"}, 10_000)
    assert isinstance(result, dict)
    items = result["items"]
    assert isinstance(items, list)
    assert items[:1000] == list(range(1000))
    assert items[-1] == "…"
    assert_storable(result, 10_000)


def test_a_large_text_keeps_its_beginning_and_its_size() -> None:
    result = sanitise("ä" * 1_000_000, 1000)
    assert isinstance(result, str)
    assert result.startswith("äää")
    assert result.endswith("… (cut, 2000000 bytes)")


def test_a_large_value_that_fits_is_not_cut() -> None:
    value = {"items": [{"id": number, "name": f"item {number}"} for number in range(1000)]}
    assert sanitise(value) == value


@pytest.mark.parametrize("size", [0, 10, 40, 1000])
def test_text_is_cut_to_its_bytes(size: int) -> None:
    assert len(sanitise_text("é" * 2000, size).encode()) <= max(size, 30)
    assert sanitise_text("short\0") == "short�"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**5000)
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.text(st.sampled_from(["\0", "\x01", "\ud800", "\udc00", '"', "\\", "é", "😀"]), max_size=2000)
    | st.binary()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.builds(Spiteful)
    | st.builds(object),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.none() | st.binary(), inner)
        | st.builds(Point, st.integers(), inner)
    ),
    max_leaves=60,
)


@settings(max_examples=300, deadline=None)
@given(value=anything, max_bytes=st.integers(min_value=1000, max_value=20_000))
def test_whatever_goes_in_what_comes_out_can_be_stored(value: object, max_bytes: int) -> None:
    assert_storable(sanitise(value, max_bytes), max_bytes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(value=json_values)
def test_sound_json_stays_as_it_is(value: Json) -> None:
    if not any(isinstance(inner, str) and "\0" in inner for inner in plain(value)):
        assert sanitise(value) == value
