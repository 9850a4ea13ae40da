"""croniter reads the fields; what it refuses is traced to the piece that is wrong."""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from hourhand.timetable.days import LAST
from hourhand.timetable.dialect import counts_weekdays, nearest, translated
from hourhand.timetable.fields import DAY, FIELDS, WEEKDAY, Field, Piece

Fields = Sequence[Sequence[Piece]]
"""The pieces of each of `fields.FIELDS`, in the same order."""

_DAY, _WEEKDAY = FIELDS.index(DAY), FIELDS.index(WEEKDAY)


class Expanded(NamedTuple):
    """The values of each of the six fields, in rising order, and what goes beyond single values.

    `last` is the last day of the month, `nearest` are days of the month to be moved to the nearest
    weekday, `nth` are pairs of weekday and n.
    """

    values: Sequence[tuple[int, ...]]
    last: bool
    nearest: tuple[int, ...]
    nth: tuple[tuple[int, int], ...]


def expand(fields: Fields, name: str | None) -> Expanded:
    """What the pieces stand for; `name` is the schedule's, for H. Raises BadTiming."""
    _check_lists(fields)
    moved = tuple(day for piece in fields[_DAY] if (day := nearest(piece)) is not None)
    try:
        found, nth = _read([_text(pieces, name) for pieces in fields])
    except (ValueError, OverflowError):
        _blame(fields, name)
    values = [_values(field, some) for field, some in zip(FIELDS, found, strict=True)]
    if len(moved) == len(fields[_DAY]):
        values[_DAY] = ()
    if nth:
        values[_WEEKDAY] = ()
    return Expanded(values, "l" in found[_DAY], moved, nth)


def _text(pieces: Sequence[Piece], name: str | None) -> str:
    """For croniter; it does not know the nearest weekday in a list."""
    return ",".join(translated(piece, name) for piece in pieces if nearest(piece) is None) or "*"


def _read(texts: Sequence[str]) -> tuple[list[Sequence[int | str]], tuple[tuple[int, int], ...]]:
    # Imported late: it takes longer than all the rest of hourhand.timetable.
    from croniter import croniter

    second, *others = texts
    found, nth = croniter.expand(" ".join((*others, second)), strict=True)
    pairs = ((int(day), LAST if str(n) == "l" else int(n)) for day, many in nth.items() for n in many)
    return [found[-1], *found[:-1]], tuple(sorted(pairs))


def _values(field: Field, found: Sequence[int | str]) -> tuple[int, ...]:
    if "*" in found:
        return tuple(range(field.low, field.high + 1))
    return tuple(sorted(value for value in found if isinstance(value, int)))


def _check_lists(fields: Fields) -> None:
    """Refuse what is sound alone, but not in a list."""
    for pieces in fields:
        for piece in pieces:
            if piece.text == "?" and len(pieces) > 1:
                piece.refuse("cannot stand in a list", "it means any day: leave it out or write it alone")
    counted = [counts_weekdays(piece) for piece in fields[_WEEKDAY]]
    if any(counted) and not all(counted):
        fields[_WEEKDAY][counted.index(False)].refuse(
            "cannot stand beside the n-th or last weekday", "write two expressions with ';' between them"
        )


def _blame(fields: Fields, name: str | None) -> NoReturn:
    """Refuse the first piece that croniter refuses even alone."""
    for index, field in enumerate(FIELDS):
        for piece in fields[index]:
            alone = ["*"] * len(FIELDS)
            alone[index] = _text([piece], name)
            try:
                _read(alone)
            except (ValueError, OverflowError):
                problem = "is out of range" if piece.text.isdigit() else "is not understood"
                piece.refuse(problem, f"it goes from {field.low} to {field.high}: {field.examples}")
    fields[_DAY][0].refuse("never comes in these months", "the longest February has 29 days")
