"""Random tokens of browsers and programs. The database has only their hashes."""

import hashlib
import secrets

PREFIX = "hh_"


def new_token() -> str:
    """256 random bits; the prefix lets a leaked one be found."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Fast on purpose: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
