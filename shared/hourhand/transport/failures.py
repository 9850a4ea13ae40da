"""Errors of psycopg and the server, told once in hourhand's words."""

import psycopg

from hourhand.errors import (
    BadInput,
    Conflict,
    ContractMismatch,
    Denied,
    NotFound,
    Timeout,
    TransportError,
    Unavailable,
)

# Codes and classes of codes: the longest prefix wins.
KINDS: dict[str, type[TransportError]] = {
    "08": Unavailable,
    "22": BadInput,
    "23": BadInput,
    "25006": Unavailable,
    "28": Denied,
    "3D000": Unavailable,
    "3F000": ContractMismatch,
    "40001": Unavailable,
    "40P01": Unavailable,
    "42501": Denied,
    "42703": ContractMismatch,
    "42725": ContractMismatch,
    "42883": ContractMismatch,
    "42P01": ContractMismatch,
    "53": Unavailable,
    "55P03": Unavailable,
    "57014": Timeout,
    "57P": Unavailable,
    "HH": ContractMismatch,
    "PT404": NotFound,
    "PT409": Conflict,
    "PT422": BadInput,
}


def kind(sqlstate: str | None) -> type[TransportError]:
    code = sqlstate or ""
    prefixes = (code[:length] for length in (5, 3, 2))
    return next((KINDS[prefix] for prefix in prefixes if prefix in KINDS), TransportError)


def from_server(error: psycopg.Error, where: str) -> TransportError:
    """The error of a statement."""
    message = error.diag.message_primary or str(error)
    return kind(error.sqlstate)(f"{where}: {message}", error.diag.message_hint, sqlstate=error.sqlstate)
