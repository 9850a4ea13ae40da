"""What a command does around its work: a client for the configured database, and words on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hourhand.harmless import harmless

if TYPE_CHECKING:
    from hourhand.client import Client

_PATIENCE = 5.0


def open_client() -> Client:
    """A client for one command: it gives up on a database that cannot be reached after some seconds."""
    from hourhand.client import Client

    return Client(application_name="hourhand-cli", patience=_PATIENCE)


@contextmanager
def named(client: Client, name: str) -> Iterator[None]:
    """Adds to the error for an unknown schedule which name may have been meant."""
    from hourhand.errors import NotFound

    try:
        yield
    except NotFound as error:
        names = [each.name for each in client.schedules.list()]
        near = None if name in names else did_you_mean(name, names)
        raise NotFound(str(error), near or error.hint) from None


def say(message: str) -> None:
    """A message for people: on stderr, so that stdout holds nothing but data."""
    click.echo(harmless(message), err=True)


def warn(message: str) -> None:
    say(f"Warning: {message}")


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """`Did you mean ingest-rss?`, or None when nothing is near."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), {one.lower(): one for one in known}, n=3, cutoff=0.6)
    names = [one for one in known if one.lower() in near]
    return f"Did you mean {' or '.join(sorted(names))}?" if names else None


def examples(*lines: str) -> str:
    """The end of a help text: commands to copy, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
