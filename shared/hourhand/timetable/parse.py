"""From the text of a cron expression to the days and times it names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from hourhand.timetable.days import Days
from hourhand.timetable.expand import Expanded, expand
from hourhand.timetable.fields import DAY, FIELDS, HOUR, MINUTE, WEEKDAY, pieces
from hourhand.timetable.refusal import BadTiming
from hourhand.timetable.times import Times, product

LONGEST = 256

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SHAPE = "write five fields (minute, hour, day of month, month, day of week), or six with the second first"
_MINUTE, _HOUR, _DAY, _WEEKDAY = (FIELDS.index(field) for field in (MINUTE, HOUR, DAY, WEEKDAY))
_HASH = re.compile(r"(?:^|[\s,;])h(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, eq=False, slots=True)
class Expression:
    """One cron expression: the values of its time fields in rising order, and the days and times they make.

    `wildcard` is true when the minute or hour begins with `*`: cron(8) lets such jobs go by elapsed time.
    `start` is where the expression begins in the whole text.
    """

    text: str
    start: int
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    times: Times
    wildcard: bool


def parse(cron: str, name: str | None = None) -> tuple[Expression, ...]:
    """The expressions of `cron`, which are separated by `;`. `name` is the schedule's, for H.

    Raises BadTiming. When both day of month and day of week are restricted either is enough, except that
    both are needed when one of the two begins with `*`: the rule of cron(8).
    """
    return _parse(cron, name if _HASH.search(cron) else None)


@lru_cache(maxsize=1024)
def _parse(cron: str, name: str | None) -> tuple[Expression, ...]:
    _check_text(cron)
    start, found = 0, []
    for text in cron.split(";"):
        found.append(_expression(cron, text, start, name))
        start += len(text) + 1
    return tuple(found)


def _expression(cron: str, text: str, start: int, name: str | None) -> Expression:
    tokens = _tokens(cron, text, start)
    split = [list(pieces(field, token, at, cron)) for field, (at, token) in zip(FIELDS, tokens, strict=True)]
    found = expand(split, name)
    seconds, minutes, hours, *_ = found.values
    stars = [token.startswith(("*", "?")) for _, token in tokens]
    return Expression(
        text=text.strip(),
        start=tokens[0][0],
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        days=_days(found, either=not (stars[_DAY] or stars[_WEEKDAY])),
        times=product(hours, minutes, seconds),
        wildcard=stars[_MINUTE] or stars[_HOUR],
    )


def _days(found: Expanded, *, either: bool) -> Days:
    numbers, months, weekdays = (_bits(values) for values in found.values[3:])
    return Days(months, numbers, found.last, found.nearest, weekdays, found.nth, either)


def _bits(values: Iterable[int]) -> int:
    return sum(1 << value for value in values)


# --- Text ---


def _check_text(cron: str) -> None:
    if len(cron) > LONGEST:
        _refuse(cron[:20] + "…", f"has {len(cron)} characters", f"{LONGEST} is the limit", LONGEST)
    for position, character in enumerate(cron):
        if not (" " <= character <= "~" or character in "\t\r\n"):
            _refuse(cron, f"holds the character {character!a}", "only plain ASCII is understood", position)


def _tokens(cron: str, text: str, start: int) -> list[tuple[int, str]]:
    """The six fields and where each begins in `cron`; a missing second is 0."""
    tokens = [(start + match.start(), match[0]) for match in re.finditer(r"\S+", text)]
    if not tokens:
        _refuse(cron, "is empty" if cron == text else "has an empty part", _SHAPE, start)
    at, first = tokens[0]
    if first.startswith("@"):
        tokens = _macro(cron, tokens)
    if "=" in first:
        _refuse(cron, f"begins with the setting {first!r}", "the time zone has a field of its own", at)
    if len(tokens) not in (5, 6):
        year = "; a field for the year is not known" if len(tokens) == 7 else ""
        wrong = tokens[6][0] if len(tokens) > 6 else at
        _refuse(cron, f"has {len(tokens)} field{'s' * (len(tokens) != 1)}", _SHAPE + year, wrong)
    return tokens if len(tokens) == 6 else [(at, "0"), *tokens]


def _macro(cron: str, tokens: list[tuple[int, str]]) -> list[tuple[int, str]]:
    (at, word), *others = tokens
    fields = MACROS.get(word.lower())
    if fields is None:
        interval = "; an interval has a field of its own, every" if word.lower() == "@every" else ""
        _refuse(cron, f"uses {word!r}, which is not known", f"known are {', '.join(MACROS)}{interval}", at)
    if others:
        _refuse(cron, f"goes on after {word!r}", f"{word} stands alone", others[0][0])
    return [(at, field) for field in fields.split()]


def _refuse(cron: str, problem: str, hint: str, position: int) -> NoReturn:
    raise BadTiming(
        f"cron {cron!r} {problem} (character {position + 1})", hint, field="cron", position=position
    )
