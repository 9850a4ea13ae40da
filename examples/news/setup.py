"""Create the tables of the example and add sources.

    python -m examples.news.setup
    python -m examples.news.setup "Harbour Gazette=https://harbour-gazette.example/feed.xml" "Own=./feeds"

A source is an http(s) address, a feed file, or a directory of feed files. Without DATABASE_URL the tables
are made in the embedded database of HOURHAND_DATA_DIR.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from examples.common.database import apply_migrations, connect, reachable_database
from examples.common.show import counted, in_words
from examples.news import insight_store, store
from examples.news.fetch import is_web
from examples.news.insights import Holding

MIGRATIONS = Path(__file__).parent / "sql"
SEED_USER = "demo@news.example"
HOLDINGS = (
    Holding("Harbour Ferries", "harbour ferry ship port sea tide quay", 3),
    Holding("Signal Rail", "train trains railway railways rail station", 2),
    Holding("Silicon Works", "computer software chip processor phone internet google data", 5),
)


def set_up(url: str, sources: dict[str, str]) -> None:
    """Create the tables, add `sources` (name → place) and the seed user."""
    with connect(url) as db:
        apply_migrations(db, MIGRATIONS)
        insight_store.put_user(db, SEED_USER, HOLDINGS)
        for name, place in sources.items():
            # Absolute, because a worker may run in another directory.
            store.put_source(db, name, place if is_web(place) else str(Path(place).absolute()))


def main(arguments: Sequence[str]) -> int:
    pairs = [argument.partition("=") for argument in arguments]
    if not all(name and place for name, _, place in pairs):
        print(__doc__, file=sys.stderr)
        return 2
    with reachable_database() as url:
        set_up(url, {name: place for name, _, place in pairs})
    print(f"The tables are there; {counted(len(pairs), 'source')} added.")
    return 0


if __name__ == "__main__":
    sys.exit(in_words(lambda: main(sys.argv[1:])))
