"""The kinds of value a setting can have. Each reader raises ValueError saying what it expects."""

import re
from collections.abc import Callable, Iterable
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, SecretStr

# No more than what keeps a header in one line: the mail server knows which addresses exist.
_MAIL = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")


def _number(value: object, expected: str, least: float) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not least <= number < float("inf"):
        raise ValueError(expected)
    return number


def _whole(value: object, expected: str, least: int) -> int:
    number = _number(value, expected, least)
    if not number.is_integer():
        raise ValueError(expected)
    return int(number)


def _span(number: float, unit: timedelta, expected: str) -> timedelta:
    try:
        return number * unit
    except OverflowError:
        raise ValueError(expected) from None


def _amount(value: object, unit: timedelta) -> object:
    return value / unit if isinstance(value, timedelta) else value


def _milliseconds(value: object) -> timedelta:
    unit, expected = timedelta(milliseconds=1), "a whole number of milliseconds, 50 or more"
    return _span(_whole(_amount(value, unit), expected, 50), unit, expected)


def _seconds_from(least: int) -> Callable[[object], timedelta]:
    unit, expected = timedelta(seconds=1), f"a number of seconds, {least} or more"
    return lambda value: _span(_number(_amount(value, unit), expected, least), unit, expected)


def _count(value: object) -> int:
    return _whole(value, "a whole number, 1 or more", 1)


def _count_or_zero(value: object) -> int:
    return _whole(value, "a whole number, 0 or more", 0)


def _words(value: object) -> object:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Iterable):
        raise ValueError("names separated by commas")  # noqa: TRY004  (pydantic turns only ValueError into a message)
    return tuple(word for part in parts if (word := str(part).strip()))


def _zone(value: object) -> str:
    name = str(value)
    # Abbreviations such as EST say nothing about summer time, so only UTC and Area/City names are taken.
    if not (name == "UTC" or ("/" in name and _loads(name))):
        raise ValueError("a time zone such as UTC or Europe/Berlin")
    return name


def _loads(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _web_address(value: object) -> str:
    try:
        parts = urlsplit(str(value))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("an address such as https://project.supabase.co")
    return str(value).rstrip("/")


def _rest_path(value: object) -> str:
    path = str(value).strip("/")
    return f"/{path}" if path else ""


def _database_address(value: object) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    scheme, separator, rest = text.partition("://")
    dialect = scheme.partition("+")[0]  # SQLAlchemy's postgresql+driver:// names the same database
    if separator and dialect in ("postgres", "postgresql"):
        return SecretStr(f"{dialect}://{rest}")
    if not separator and "=" in text:
        return SecretStr(text)
    raise ValueError("an address such as postgresql://user:password@host:5432/database")


def _secret_web_address(value: object) -> SecretStr:
    return SecretStr(_web_address(value.get_secret_value() if isinstance(value, SecretStr) else value))


def _mail_server(value: object) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("an address such as smtp://user:password@mail.example.org:587")
    return SecretStr(text)


def _mail_addresses(value: object) -> object:
    words = _words(value)
    if not isinstance(words, tuple) or not all(_MAIL.fullmatch(word) for word in words):
        raise ValueError("mail addresses separated by commas")
    return words


def _quiet_hours(value: object) -> object:
    if isinstance(value, tuple):
        return value
    try:
        since, until = (time.fromisoformat(part.strip()) for part in str(value).split("-"))
    except ValueError:
        since = until = time()
    if since == until or since.tzinfo or until.tzinfo:
        raise ValueError("two times of the day such as 22:00-07:00")
    return since, until


def _factor(value: object) -> float:
    return _number(value, "a number, 1 or more", 1)


def _path(value: object) -> Path:
    return Path(str(value)).expanduser().absolute()


def _level(value: object) -> str:
    name = str(value).upper()
    return {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(name, name)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Milliseconds = Annotated[timedelta, BeforeValidator(_milliseconds)]
Lease = Annotated[timedelta, BeforeValidator(_seconds_from(1))]
Seconds = Annotated[timedelta, BeforeValidator(_seconds_from(0))]
Count = Annotated[int, BeforeValidator(_count)]
CountOrZero = Annotated[int, BeforeValidator(_count_or_zero)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Zone = Annotated[str, BeforeValidator(_zone)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
SecretWebAddress = Annotated[SecretStr, BeforeValidator(_secret_web_address)]
MailServer = Annotated[SecretStr, BeforeValidator(_mail_server)]
MailAddresses = Annotated[tuple[str, ...], BeforeValidator(_mail_addresses)]
QuietHours = Annotated[tuple[time, time], BeforeValidator(_quiet_hours)]
Factor = Annotated[float, BeforeValidator(_factor)]
RestPath = Annotated[str, BeforeValidator(_rest_path)]
DatabaseAddress = Annotated[SecretStr, BeforeValidator(_database_address)]
Location = Annotated[Path, BeforeValidator(_path)]
Level = Annotated[Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_level)]
Format = Annotated[Literal["text", "json"], BeforeValidator(_lower)]
TraceRelation = Annotated[Literal["link", "child"], BeforeValidator(_lower)]
Environment = Annotated[Literal["development", "production", "test"], BeforeValidator(_lower)]
ChosenTransport = Annotated[Literal["supabase", "postgres"], BeforeValidator(_lower)]
