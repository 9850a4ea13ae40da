"""A Supabase project: its address and its key, looked at before the first call."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import jwt

from hourhand.errors import BadSetting

REST_PATH = "/rest/v1"

WHERE_KEYS_ARE = (
    "Copy the service_role key or a secret key (sb_secret_…) from the project's settings, API Keys, into"
    " SUPABASE_SERVICE_ROLE_KEY."
)
_PUBLIC_ROLES = ("anon", "authenticated")


@dataclass(frozen=True)
class Project:
    """`where` is for messages; the key is in none."""

    url: str
    key: str = field(repr=False)
    rest_path: str = REST_PATH

    @property
    def where(self) -> str:
        host = urlsplit(self.url).netloc.rpartition("@")[2]
        return f"supabase at {host}"


def parse(url: str, key: str, rest_path: str = REST_PATH) -> Project:
    """The project of SUPABASE_URL and its key.

    Raises BadSetting for a key that everybody may have, and for what cannot be a key, without showing it.
    """
    _check_key(key)
    # Some pages of the dashboard show the address with the path.
    return Project(url.rstrip("/").removesuffix(REST_PATH), key, rest_path)


def _check_key(key: str) -> None:
    if not (key.isascii() and key.isprintable() and key and " " not in key):
        raise BadSetting("SUPABASE_SERVICE_ROLE_KEY is not a key: it holds other characters", WHERE_KEYS_ARE)
    if key.startswith("sb_publishable_"):
        raise _too_public("a publishable key")
    if (role := _role(key)) in _PUBLIC_ROLES:
        raise _too_public(f"a key of the role {role}")


def _role(key: str) -> object:
    """The role that a key in the form of a JWT is for. Whether it is genuine, only the project knows."""
    try:
        return jwt.decode(key, options={"verify_signature": False}).get("role")
    except jwt.InvalidTokenError:
        return None


def _too_public(what: str) -> BadSetting:
    return BadSetting(
        f"SUPABASE_SERVICE_ROLE_KEY holds {what}, which may not touch the schema hourhand", WHERE_KEYS_ARE
    )
