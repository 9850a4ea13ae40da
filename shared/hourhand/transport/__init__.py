"""The way to the database, and the only place that imports psycopg or supabase."""

from typing import TYPE_CHECKING

from hourhand.errors import BadSetting, EmbeddedError
from hourhand.transport.protocol import Listener, Transport

if TYPE_CHECKING:
    from hourhand.settings import Settings
    from hourhand.transport.postgres import PostgresTransport

__all__ = ["Listener", "Transport", "connect", "connect_direct"]


def connect(settings: "Settings", *, application_name: str, patience: float = 30.0) -> Transport:
    """The transport that the settings choose. Nothing is contacted before the first call.

    `patience` is for how many seconds a call repeats what failed for a passing reason.
    Raises BadSetting, also for a key that everybody may have, and EmbeddedError when no embedded server runs
    that could be joined.
    """
    if settings.database == "supabase":
        return _over_http(settings, application_name, patience)
    return connect_direct(settings, application_name=application_name, patience=patience)


def _over_http(settings: "Settings", application_name: str, patience: float) -> Transport:
    # Whoever connects directly needs none of what this imports.
    from hourhand.transport.supabase import SupabaseTransport

    assert settings.supabase_url is not None
    assert settings.supabase_key is not None
    return SupabaseTransport(
        settings.supabase_url,
        settings.supabase_key.get_secret_value(),
        application_name=application_name,
        rest_path=settings.supabase_rest_path,
        patience=patience,
    )


def connect_direct(
    settings: "Settings", *, application_name: str, patience: float = 30.0
) -> "PostgresTransport":
    """A direct connection even where Supabase is chosen: migrations need one."""
    # psycopg takes longer to import than the whole command line.
    from hourhand.transport.postgres import PostgresTransport

    return PostgresTransport(
        _direct_url(settings), application_name=application_name, patience=patience, hints=settings.notify
    )


def _direct_url(settings: "Settings") -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if settings.database == "supabase":
        raise BadSetting(
            "DATABASE_URL is not set, and this cannot be done through the Supabase API",
            "Set DATABASE_URL to the project's Postgres address (Supabase: Connect, Session pooler).",
        )
    return _embedded_url(settings)


def _embedded_url(settings: "Settings") -> str:
    from hourhand import embedded

    embedded.require_allowed(settings)
    if url := embedded.running(settings.data_dir):
        return url
    raise EmbeddedError(
        f"No database is set, and no embedded one runs in {settings.data_dir}",
        "Start one with `hourhand up`, or set DATABASE_URL, or SUPABASE_URL and its key.",
    )
