"""Passwords are kept as argon2id hashes."""

import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from hourhand.errors import BadInput

SHORTEST, LONGEST = 8, 1000
_hasher = PasswordHasher()
# One check takes 64 MiB: a flood of logins must not take the machine.
_at_once = threading.Semaphore(2)


def generate() -> str:
    """A password for a first login."""
    return secrets.token_urlsafe(12)


def hash_password(password: str) -> str:
    """Raises BadInput for one that is too short."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(f"password: {SHORTEST} to {LONGEST} characters are wanted")
    with _at_once:
        return _hasher.hash(password)


def is_right(password: str, password_hash: str | None) -> bool:
    """Takes as long for a user who does not exist."""
    with _at_once:
        try:
            return (
                _hasher.verify(password_hash or _nobodys(), password[:LONGEST]) and password_hash is not None
            )
        except (Argon2Error, InvalidHashError):
            return False


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe())
