"""Dates as feeds write them (RFC 822, ISO 8601, and RFC 822 with month names of other languages), as UTC."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# RFC 822 asks for English names, and many publishers write their own. The shortest beginnings that are
# unambiguous across the listed languages (Catalan, Dutch, French, German, Italian, Portuguese, Spanish).
_MONTHS = {
    "Jan": ("jan", "gen", "ene", "jän"),
    "Feb": ("feb", "fev", "fév"),
    "Mar": ("mar", "mär", "mrt", "maa"),
    "Apr": ("apr", "abr", "avr"),
    "May": ("may", "mai", "mei", "mag"),
    "Jun": ("jun", "juin", "giu"),
    "Jul": ("jul", "juil", "lug"),
    "Aug": ("aug", "ago", "aoû", "aou"),
    "Sep": ("sep", "set"),
    "Oct": ("oct", "okt", "out", "ott"),
    "Nov": ("nov",),
    "Dec": ("dec", "dez", "dic", "dés", "déc", "des"),
}
_FOREIGN = re.compile(r"(\d{1,2})\s+(?:de\s+)?([^\W\d_]{3,})\.?\s+(?:de\s+)?(\d{4}\b.*)", re.DOTALL)


def instant(text: str) -> datetime | None:
    """Read a date, taken as UTC where no zone is given; None if it can't be read."""
    for read in (datetime.fromisoformat, parsedate_to_datetime, _foreign):
        try:
            return _utc(read(text.strip()))
        except (ValueError, OverflowError, IndexError):
            continue
    return None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _foreign(text: str) -> datetime:
    found = _FOREIGN.search(text)
    if found is None:
        raise ValueError(text)
    day, name, rest = found.groups()
    return parsedate_to_datetime(f"{day} {_month(name)} {rest}")


def _month(name: str) -> str:
    for english, beginnings in _MONTHS.items():
        if name.lower().startswith(beginnings):
            return english
    raise ValueError(name)
