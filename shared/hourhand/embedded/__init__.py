"""A real Postgres of one's own, from a wheel or the system, for development and small machines.

`Server` owns one; `running` finds one that another process owns; `database` joins or starts one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hourhand.embedded.address import running
from hourhand.embedded.server import InUse, Server
from hourhand.errors import BadSetting
from hourhand.settings import Settings

__all__ = ["InUse", "Server", "database", "require_allowed", "running"]


def require_allowed(settings: Settings) -> None:
    """Raise BadSetting in production, which has to name its database."""
    if settings.env == "production":
        raise BadSetting(
            "HOURHAND_ENV is production, but no database is configured",
            "Set SUPABASE_URL and its key, or DATABASE_URL; the embedded Postgres is for development.",
        )


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the embedded server in the data directory: the running one, else one of our own meanwhile.

    Raises BadSetting in production, EmbeddedError.
    """
    require_allowed(settings)
    if url := running(settings.data_dir):
        yield url
        return
    with Server(settings.data_dir, pg_bin=settings.pg_bin) as server:
        yield server.url
