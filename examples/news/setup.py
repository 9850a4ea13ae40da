"""Create the tables of the example and add sources.

    python -m examples.news.setup
    python -m examples.news.setup "Harbour Gazette=https://harbour-gazette.example/feed.xml" "Own=./feeds"

A source is an http(s) address, a feed file, or a directory of feed files. Without DATABASE_URL the tables
are made in the embedded database of HOURHAND_DATA_DIR.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from examples.news import store
from examples.news.database import apply_migrations, connect, database_url
from examples.news.fetch import is_web
from hourhand import embedded
from hourhand.errors import HourhandError
from hourhand.settings import load_settings


@contextmanager
def reachable_database() -> Iterator[str]:
    """The URL of the configured database, else of the embedded one, started meanwhile if need be."""
    settings = load_settings()
    if settings.database == "embedded":
        with embedded.database(settings) as url:
            yield url
    else:
        yield database_url()


def set_up(url: str, sources: dict[str, str]) -> None:
    """Create the tables and add `sources` (name → place)."""
    with connect(url) as db:
        apply_migrations(db)
        for name, place in sources.items():
            # Absolute, because a worker may run in another directory.
            store.put_source(db, name, place if is_web(place) else str(Path(place).absolute()))


def main(arguments: Sequence[str]) -> int:
    pairs = [argument.partition("=") for argument in arguments]
    if not all(name and place for name, _, place in pairs):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with reachable_database() as url:
            set_up(url, {name: place for name, _, place in pairs})
    except HourhandError as error:
        print(f"Error: {error}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    print(f"The tables are there; {len(pairs)} sources added.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
