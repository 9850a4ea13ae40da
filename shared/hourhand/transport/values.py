"""The parameters of a call, written the same for every way to the database.

Scalars are written as text, which takes the type of the parameter, whichever that is: as a number, a Python
int would be sent as the smallest integer type, and no function is found for `bigint` where it takes `int`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic_core import to_json

from hourhand.errors import BadInput


def written(function: str, params: Mapping[str, object]) -> dict[str, str | bytes]:
    """The parameters that are given: text, or JSON in bytes. Raises BadInput for what cannot be sent."""
    return {name: _write(f"{function}, {name}", value) for name, value in params.items() if value is not None}


def check_names(*names: str) -> None:
    """Raises BadInput when one of them cannot be that of a function or parameter."""
    for name in names:
        if not (name.isidentifier() and name.isascii()):
            raise BadInput(f"{name!r} cannot be the name of a function or parameter")


def _write(what: str, value: object) -> str | bytes:
    match value:
        case dict() | list() | tuple():
            return _json(what, value)
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{value.total_seconds():.6f} seconds"
        case datetime() if value.tzinfo is None:
            raise BadInput(f"{what}: the time {value} has no time zone")
        case datetime():
            return value.isoformat()
        case _:
            return _text(what, str(value))


def _text(what: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{what}: cannot be written as UTF-8: {error.reason}") from error
    if "\0" in text:
        raise BadInput(f"{what}: Postgres cannot store a NUL character")
    return text


def _json(what: str, value: object) -> bytes:
    try:
        return to_json(value, timedelta_mode="float")
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{what}: cannot be written as JSON: {error}") from error
