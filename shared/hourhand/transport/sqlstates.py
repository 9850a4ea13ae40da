"""What an SQLSTATE means to whoever called: the class of the error, and what to try.

Every way to the database tells its failures by these codes, also those that have none of their own: then
they are given the code that they stand for. So a failure has one class, and is repeated or not, whichever
way it came.
"""

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

# Codes and beginnings of codes; the longest wins.
KINDS: dict[str, type[TransportError]] = {
    "08": Unavailable,
    "22": BadInput,
    "23": BadInput,
    "25006": Unavailable,
    "25P": Timeout,
    "28": Denied,
    "3D000": Unavailable,
    "3F000": ContractMismatch,
    "40": Unavailable,
    "42501": Denied,
    "42703": ContractMismatch,
    "42725": ContractMismatch,
    "42883": ContractMismatch,
    "42P01": ContractMismatch,
    "53": Unavailable,
    "54000": BadInput,
    "55P03": Unavailable,
    "57014": Timeout,
    "57P": Unavailable,
    "HH": ContractMismatch,
    "PT404": NotFound,
    "PT409": Conflict,
    "PT422": BadInput,
}

CANNOT_CONNECT = "08001"
CONNECTION_LOST = "08006"
STRANGE_ANSWER = "08P01"
TOO_MANY = "53300"
STARTING = "57P03"

MIGRATE = (
    "Run `hourhand migrate`. If it finds nothing to do, the schema is newer than this package: upgrade it."
)
HINTS = {
    "25006": "This is a standby: give the address of the primary in DATABASE_URL.",
    "3F000": MIGRATE,
    "42703": MIGRATE,
    "42725": MIGRATE,
    "42883": MIGRATE,
    "42P01": MIGRATE,
    "53300": "Raise max_connections, or connect through a pooler.",
    "57014": "The statement_timeout of this role or database cut it off: raise it, or ask for less at once.",
    "57P03": "The server is starting or stopping: try again in a moment.",
}


def kind_of(sqlstate: str | None) -> type[TransportError]:
    code = sqlstate or ""
    prefixes = (code[:length] for length in (5, 3, 2))
    return next((KINDS[prefix] for prefix in prefixes if prefix in KINDS), TransportError)


def is_ours(sqlstate: str) -> bool:
    """Whether our own SQL raised it: then everything is said there."""
    return sqlstate[:2] in ("PT", "HH")
