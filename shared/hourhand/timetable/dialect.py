"""From the pieces people write to the ones croniter reads, refusing what would silently mean another thing.

Not left to croniter are `H` (its hash reaches one in six pairs of minute and hour, and days that some
months lack), ranges that go round the end of a field, `a-a` (which it reads as *every*), steps wider than
their range, `R` (another time after each restart), and `W` (which `croniter.expand` drops).
"""

import hashlib
import re

from hourhand.timetable.fields import DAY, WEEKDAY, Piece

_RANGE = re.compile(r"(?P<low>[^-/]+)-(?P<high>[^-/]+)(?:/(?P<step>[0-9]+))?")
_STEP = re.compile(r"(?P<low>[^-/]+)/(?P<step>[0-9]+)")
_HASHED = re.compile(r"h(?:\((?P<low>[0-9]+)-(?P<high>[0-9]+)\))?(?:/(?P<step>[0-9]+))?")
_RANDOM = re.compile(r"r(\(.*)?(/.*)?")
_NEAREST = re.compile(r"([0-9]+)w|w([0-9]+)|lw|wl")
_LAST = re.compile(r"([a-z]{3}|[0-9])l|l([a-z]{3}|[0-9])")


def translated(piece: Piece, name: str | None) -> str:
    """The piece in croniter's language, perhaps as a list.

    `name` is the schedule's, for H. Raises BadTiming.
    """
    if not piece.text:
        piece.refuse("is empty", "take the superfluous comma away")
    if _RANDOM.fullmatch(piece.text):
        piece.refuse(
            "would be another time after each restart", "H is steady: it goes by the schedule's name"
        )
    if hashed := _HASHED.fullmatch(piece.text):
        return _hashed(piece, hashed, name)
    if last := _last_weekday(piece):
        return f"l{piece.field.number(last)}"
    base, mark, nth = piece.text.partition("#")
    return ",".join(f"{part}{mark}{nth}" for part in _unrolled(piece, base))


def counts_weekdays(piece: Piece) -> bool:
    """Whether the piece is about the n-th or last such weekday of a month."""
    return "#" in piece.text or _last_weekday(piece) is not None


def nearest(piece: Piece) -> int | None:
    """The day of the month whose nearest weekday `15W`, `W15` or `LW` means; None for any other piece.

    The last weekday of a month is the one nearest to its last day, so `LW` is `31W`.
    """
    match = _NEAREST.fullmatch(piece.text) if piece.field is DAY else None
    if match is None:
        return None
    day = int(match[1] or match[2] or DAY.high)
    if not DAY.low <= day <= DAY.high:
        piece.refuse("is out of range", "days of the month go from 1 to 31")
    return day


def _last_weekday(piece: Piece) -> str | None:
    match = _LAST.fullmatch(piece.text) if piece.field is WEEKDAY else None
    day = match and (match[1] or match[2])
    return day if day and WEEKDAY.number(day) is not None else None


def _unrolled(piece: Piece, base: str) -> list[str]:
    """`base`, or its values where croniter would count otherwise; nonsense is left to croniter."""
    if match := _STEP.fullmatch(base):
        low = piece.field.low if match["low"] == "*" else piece.field.number(match["low"])
        if low is not None:
            _check_step(piece, piece.field.high - low + 1, int(match["step"]))
    elif match := _RANGE.fullmatch(base):
        first, last = piece.field.number(match["low"]), _last(piece, match["low"], match["high"])
        if first is not None and last is not None:
            span, step = (last - first) % piece.field.size + 1, int(match["step"] or 1)
            _check_range(piece, span, step)
            if first > last:
                return [str(value) for value in piece.field.around(first, span, step)]
    return [base]


def _last(piece: Piece, low: str, high: str) -> int | None:
    """The end of a range. Sunday is both 0 and 7, so 0-7 is the whole week."""
    if piece.field is WEEKDAY and high == "7" and low in ("0", "sun"):
        return WEEKDAY.high
    if piece.field is DAY and high == "l":
        return DAY.high
    return piece.field.number(high)


def _check_range(piece: Piece, span: int, step: int) -> None:
    if span == 1:
        piece.refuse("is a range of one value", "write the value alone, or * for all")
    _check_step(piece, span, step)


def _check_step(piece: Piece, span: int, step: int) -> None:
    if step == 0:
        piece.refuse("has a step of 0", "the smallest step is 1")
    if step > span:
        piece.refuse(
            f"steps by {step} over {span} values and so never gets to the second one",
            "steps begin anew in each hour, day or month; a longer distance is an interval (every)",
        )


# --- H ---


def _hashed(piece: Piece, match: re.Match[str], name: str | None) -> str:
    field = piece.field
    low, high = int(match["low"] or field.low), int(match["high"] or field.hashed_to)
    if name is None:
        piece.refuse("goes by the schedule's name, and there is none", "give a name, or write a number")
    if not field.low <= low < high <= field.high:
        piece.refuse("is not a range of this field", f"the widest one is H({field.low}-{field.high})")
    if match["step"] is None:
        return str(low + _choice(name, field.name, high - low + 1))
    step = int(match["step"])
    _check_step(piece, high - low + 1, step)
    return ",".join(map(str, range(low + _choice(name, field.name, step), high + 1, step)))


def _choice(name: str, field: str, count: int) -> int:
    """One of `count` values, the same for a name and field for ever, and independent between fields."""
    digest = hashlib.blake2b(f"{field}\0{name}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % count
