"""What of the schema is open to those who should not get in, for `hourhand doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hourhand.errors import ContractMismatch
from hourhand_admin.health import Finding
from hourhand_admin.terminal import text

if TYPE_CHECKING:
    from hourhand.client import Client

_CLOSE = "Run: hourhand migrate (it takes back every right that is not due)"
_MOST_NAMED = 3


def find(client: Client) -> Iterator[Finding]:
    """One finding for each role that may do more than is due, and for tables without row security."""
    try:
        checked = client.call("check_access")
    except ContractMismatch:
        return  # a schema before this function; that it is old has been told
    for role in sorted({each["role"] for each in checked["surplus"]}):
        mine = [each for each in checked["surplus"] if each["role"] == role]
        yield Finding("open-access", "degraded", f"{role} may {'; '.join(map(_told, mine))}", _CLOSE)
    for each in checked["defaults"]:
        what = f"default privileges of {each['maker']} open new {each['kind']} of schema {each['schema']}"
        yield Finding("open-access", "degraded", f"{what} to {each['role']}", _CLOSE)
    if checked["unprotected"]:
        what = f"row security is off on {_named(checked['unprotected'])}"
        yield Finding("open-access", "degraded", what, _CLOSE)


def _told(surplus: Mapping[str, Any]) -> str:
    names: Sequence[str] = surplus["names"]
    return f"{surplus['privilege'].lower()} {text.count(len(names), surplus['kind'])} ({_named(names)})"


def _named(names: Sequence[str]) -> str:
    more = "" if len(names) <= _MOST_NAMED else ", …"
    return ", ".join(names[:_MOST_NAMED]) + more
