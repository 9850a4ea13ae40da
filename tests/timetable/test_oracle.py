"""The timetable against a cron daemon in slow motion, around all clock changes and at random."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from hourhand.timetable import Timetable
from tests.timetable import oracle
from tests.timetable.oracle import Job, utc

FROM, UNTIL = utc(2011, 1, 1), utc(2027, 1, 1)

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/Mexico_City",
    "America/New_York",
    "America/Nuuk",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Ust-Nera",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Moscow",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Fakaofo",
    "UTC",
]

# Zones that crossed the date line, or jumped by many hours, before that.
ELDER = [
    ("Pacific/Kwajalein", utc(1993, 8, 21, 12)),
    ("Pacific/Kiritimati", utc(1994, 12, 31, 10)),
    ("Antarctica/Vostok", utc(1994, 1, 31, 17)),
    ("Antarctica/Vostok", utc(1994, 11, 1)),
    ("America/Danmarkshavn", utc(1996, 1, 1, 3)),
]

EXPRESSIONS = [
    "* * * * *",
    "*/7 * * * *",
    "*/30 * * * *",
    "0 * * * *",
    "17 * * * *",
    "15 */3 * * *",
    "*/20 1-3 * * *",
    "* 2 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "0 1 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "5,35 2 * * *",
    "45 1,2,3 * * *",
    "0 3 * * *",
    "0-59 2 * * *",
    "10-50/20 0-4/2 * * *",
    "0 22-4/3 * * *",
    "30 0-23 * * *",
    "0,15,30,45 0-23 * * *",
    "30 2 * * sun",
    "30 2 * * 0-7",
    "15 0 * * fri-mon",
    "0 9 * * mon-fri",
    "30 2 25-31 3,10 *",
    "30 2 */2 * *",
    "30 2 */2 * */3",
    "30 2 28 * sun",
    "0 0 30,31 12 *",
    "0 2 * * sun#1,sun#2",
    "30 2 * * 0L",
    "30 1 L * *",
    "0 0 1W,15W * *",
    "0 12 LW * *",
    "0 0 ? 1-6 ?",
    "30 2 * * *; */15 2-3 * * *",
    "0 3 * * *; 30 2 * * *; 0 * * * *",
]

BEFORE, AFTER = timedelta(hours=8), timedelta(hours=6)
"""How far a window reaches around its middle; the first few hours only set the daemon's virtual clock."""

SETTLED = timedelta(hours=4)


def windows() -> Iterator[tuple[ZoneInfo, datetime]]:
    """Each change of each zone, and a few moments at random."""
    chance = random.Random(4)
    for name in ZONES:
        zone = ZoneInfo(name)
        yield from ((zone, change) for change in oracle.changes(zone, FROM, UNTIL))
        for _ in range(5):
            yield zone, FROM + timedelta(minutes=chance.randrange((UNTIL - FROM) // oracle.MINUTE))
    yield from ((ZoneInfo(name), change) for name, change in ELDER)


def judged(middles: Sequence[tuple[ZoneInfo, datetime]], gap: str, overlap: str) -> int:
    """Compare some expressions in each window, and say how many answers were compared."""
    jobs = {text: [Job(part) for part in text.split(";")] for text in EXPRESSIONS}
    chance, cases = random.Random(9), 0
    for zone, middle in middles:
        minutes = oracle.local_minutes(zone, middle - BEFORE, (BEFORE + AFTER) // oracle.MINUTE)
        start, end = middle - BEFORE + SETTLED, minutes[-1][0]
        for text in chance.sample(EXPRESSIONS, 8):
            row = {"cron": text, "timezone": zone.key, "dst_gap": gap, "dst_overlap": overlap}
            expected = [at for at in oracle.firings(jobs[text], minutes, gap, overlap) if at > start]
            cases += compare(Timetable.of(row), expected, start, end, chance, f"{text!r} in {zone.key}")
    return cases


def compare(
    timetable: Timetable,
    expected: list[datetime],
    start: datetime,
    end: datetime,
    chance: random.Random,
    what: str,
) -> int:
    """All answers in (start, end]: one after the other, from the end, counted, and from anywhere."""
    at, found = start, []
    while (following := timetable.next(at)) is not None and following <= end:
        found.append(at := following)
    assert found == expected, what
    assert timetable.last_between(start, end, len(found) + 1).last == expected, what
    assert timetable.count_between(start, end) == len(expected), what
    for seconds in (chance.randrange(int((end - start).total_seconds())) for _ in range(3)):
        at = start + timedelta(seconds=seconds)
        following = timetable.next(at)
        assert following is not None, what
        assert following == next((each for each in expected if each > at), following), (what, at)
        assert following > end or following in expected, (what, at)
    return len(expected) + 5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_fires_exactly_when_debians_cron_does() -> None:
    middles = list(windows())
    cases = judged(middles, "run_after", "first")
    print(f"{cases} cases judged in {len(middles)} windows of {len(ZONES)} zones, differences 0")
    assert cases > 150_000


@pytest.mark.parametrize(
    ("gap", "overlap"),
    [
        each
        for each in product(("run_after", "skip"), ("first", "last", "both"))
        if each != ("run_after", "first")
    ],
)
def test_the_other_policies_change_only_what_they_say(gap: str, overlap: str) -> None:
    zones = [
        ZoneInfo(name)
        for name in ("Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia")
    ]
    middles = [
        (zone, change) for zone in zones for change in oracle.changes(zone, utc(2009, 1, 1), utc(2019, 1, 1))
    ]
    cases = judged(middles, gap, overlap)
    print(f"{cases} cases judged, differences 0")
    assert cases > 4_000


def test_days_agree_for_a_whole_calendar() -> None:
    """Sparse expressions need years, not minutes: one firing a day, every day, in a zone without clock changes."""
    cases = 0
    for text in EXPRESSIONS:
        days = text.split(";")[0].split()[2:]
        job, timetable = Job(" ".join(["0", "0", *days])), Timetable.of({"cron": " ".join(["0", "0", *days])})
        every = (utc(1999, 12, 31) + timedelta(days=n) for n in range(10 * 366))
        expected = [day for day in every if job.matches(day.replace(tzinfo=None))]
        assert timetable.between(expected[0] - oracle.MINUTE, expected[-1], len(expected) + 1) == expected, (
            text
        )
        cases += len(expected)
    print(f"{cases} days judged, differences 0")
