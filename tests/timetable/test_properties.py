"""What holds for every expression, zone and moment."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hourhand.errors import BadSchedule
from hourhand.timetable import Timetable, describe, dst_notes, validate
from tests.timetable.oracle import wall

# A busy machine is slow now and then; how long an answer may take is tested elsewhere.
patient = settings(deadline=None)

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Antarctica/Troll",
        "Asia/Gaza",
    ]
)
MOMENTS = st.datetimes(wall(1990, 1, 1), wall(2090, 1, 1), timezones=st.just(UTC))


def field(low: int, high: int, *others: str) -> st.SearchStrategy[str]:
    """Pieces that are all sound, and that meet in lists."""
    value = st.integers(low, high).map(str)
    span = st.tuples(st.integers(low, high), st.integers(low, high)).filter(lambda ends: ends[0] != ends[1])
    pieces = st.one_of(
        value,
        span.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.integers(1, (high - low + 1) // 2).map(lambda step: f"*/{step}"),
        *(st.just(other) for other in others),
    )
    return st.one_of(st.just("*"), st.lists(pieces, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(
    st.one_of(st.just(""), field(0, 59).map(lambda text: f"{text} ")),
    field(0, 59, "H", "H/7", "H(3-9)"),
    field(0, 23, "H", "H/5"),
    field(1, 28, "L", "15W", "LW", "H"),
    field(1, 12, "jan", "H"),
    st.one_of(field(0, 6, "sat"), st.sampled_from(["?", "mon#2", "fri-mon#1", "5L", "0-7"])),
).map(lambda parts: parts[0] + " ".join(parts[1:]))
CRONS = st.lists(EXPRESSIONS, min_size=1, max_size=3).map("; ".join).filter(lambda cron: len(cron) <= 256)
POLICIES = st.fixed_dictionaries(
    {
        "dst_gap": st.sampled_from(["run_after", "skip"]),
        "dst_overlap": st.sampled_from(["first", "last", "both"]),
    }
)
ROWS = st.one_of(
    st.builds(
        lambda cron, zone, policy: {"cron": cron, "timezone": zone, "name": "x", **policy},
        CRONS,
        ZONES,
        POLICIES,
    ),
    st.builds(lambda every, anchor: {"every": every, "anchor": anchor}, st.floats(1, 1e7), MOMENTS),
)


@patient
@given(ROWS, MOMENTS)
def test_the_next_instant_is_later_aware_and_utc(row: dict[str, object], after: datetime) -> None:
    at = Timetable.of(row).next(after)
    assert at is None or (at > after and at.tzinfo is UTC)


@patient
@given(ROWS, MOMENTS)
def test_walking_gives_what_asking_anew_gives(row: dict[str, object], after: datetime) -> None:
    table = Timetable.of(row)
    walked = table.between(after, after + timedelta(days=20_000), 12)
    assert walked == sorted(set(walked))
    for before, at in zip([after, *walked], walked, strict=False):
        assert Timetable.of(row).next(before) == at
        assert table.next(before + (at - before) // 2) == at
        assert table.next(at - timedelta(microseconds=1)) == at


@patient
@given(ROWS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=3)), st.integers(0, 30))
def test_counting_and_walking_backwards_agree_with_walking(
    row: dict[str, object], after: datetime, length: timedelta, n: int
) -> None:
    table, until = Timetable.of(row), after + length
    walked = table.between(after, until, 3000)
    if len(walked) == 3000:
        until = walked[-1]
    tail = table.last_between(after, until, n)
    assert table.count_between(after, until) == len(walked) == len(tail.last) + tail.earlier
    assert tail.last == walked[len(walked) - len(tail.last) :]
    earlier = walked[: tail.earlier]
    assert (tail.earlier_first, tail.earlier_last) == ((earlier[0], earlier[-1]) if earlier else (None, None))


EXCLUSIONS = st.lists(
    st.one_of(
        st.sampled_from(["mon", "tue", "sunday"]),
        st.dates(date(2026, 1, 1), date(2026, 2, 1)).map(str),
        st.dates(date(2026, 1, 1), date(2026, 2, 1)).map(lambda day: f"{day}..2026-02-01"),
    ),
    max_size=4,
)


@patient
@given(ROWS, EXCLUSIONS, st.integers(0, 40 * 24), st.integers(1, 200))
def test_stretches_are_the_instants_by_what_excludes_them(
    row: dict[str, object], exclude: list[str], hour: int, hours: int
) -> None:
    table = Timetable.of(row | {"exclude": exclude})
    after = datetime(2025, 12, 31, tzinfo=UTC) + timedelta(hours=hour)
    walked = table.between(after, after + timedelta(hours=hours), 2000)
    if len(walked) == 2000:
        return
    stretches = table.stretches(after, after + timedelta(hours=hours))
    assert sum(stretch.count for stretch in stretches) == len(walked)
    for stretch in stretches:
        within = [at for at in walked if stretch.first <= at <= stretch.last]
        assert len(within) == stretch.count
        assert {table.excluded(at) for at in within} == {stretch.excluded}
    included = next((at for at in walked if table.excluded(at) is None), None)
    assert included is None or table.next_included(after) == included


@patient
@given(CRONS, ZONES, MOMENTS)
def test_every_sound_expression_can_be_told_in_words(cron: str, zone: str, after: datetime) -> None:
    assert describe(cron, "x")[0].isupper()
    for note in dst_notes(cron, zone, after, after + timedelta(days=400), name="x"):
        assert note.count >= len(note.times) >= 1
        assert all(note.begin <= time < note.end for time in note.times)


TEXTS = st.one_of(
    st.text(max_size=40),
    st.text("0123456789*/-,#?;@ \tLWHRlwhrsunmonjan()", max_size=40),
    CRONS.flatmap(
        lambda cron: st.tuples(st.integers(0, len(cron)), st.sampled_from("*/-,#?;LWHR0 9()")).map(
            lambda change: cron[: change[0]] + change[1] + cron[change[0] :]
        )
    ),
)


def refusal(cron: str) -> BadSchedule | None:
    try:
        validate({"cron": cron, "name": "x"})
    except BadSchedule as error:
        return error
    return None


@patient
@given(TEXTS)
def test_any_text_is_either_refused_with_advice_or_fires(cron: str) -> None:
    error = refusal(cron)
    if error is None:
        assert Timetable.of({"cron": cron, "name": "x"}).next(datetime(2000, 1, 1, tzinfo=UTC)) is not None
    else:
        assert error.message
        assert error.hint
