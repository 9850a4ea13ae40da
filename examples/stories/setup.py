"""Create the tables of the example, and add feeds.

    python -m examples.stories.setup
    python -m examples.stories.setup "rss:Gazette=https://gazette.example/feed.xml" "rss:Archive=./feeds"
    python -m examples.stories.setup "youtube:Workshop=https://www.youtube.com/feeds/videos.xml?channel_id=…"

A feed is an http(s) address or a feed file; a directory stands for all feed files in it.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from examples.common.database import Connection, apply_migrations, connect, reachable_database
from examples.common.show import counted, in_words
from examples.news.fetch import is_web, locations
from examples.stories import store

INTERESTS = ("ferry harbour boats", "repair and reuse", "energy power turbine", "europe economy", "software")
PLAYBOOKS: dict[str, list[dict[str, Any]]] = {
    "collect": [{"task": "ingest-pull"}, {"task": "ingest-pull-youtube"}],
    "brief": [{"task": "generate-brief", "payload": {"title": "Brief of the day"}}],
}


class NewFeed(NamedTuple):
    kind: str
    name: str
    place: str


def set_up(url: str, feeds: Iterable[NewFeed] = ()) -> None:
    """Create the tables, add `feeds`, and the interests and playbooks of the example where there are none."""
    with connect(url) as db:
        apply_migrations(db, Path(__file__).parent / "sql")
        store.put_interests(db, INTERESTS)
        for name, steps in PLAYBOOKS.items():
            store.put_playbook(db, name, steps)
        for feed in feeds:
            _add(db, feed)


def _add(db: Connection, feed: NewFeed) -> None:
    if is_web(feed.place):
        store.put_feed(db, feed.name, feed.kind, feed.place)
        return
    # Absolute, because a worker may run in another directory.
    for file in locations(str(Path(feed.place).absolute())):
        name = feed.name if file == feed.place else f"{feed.name}: {Path(file).name}"
        store.put_feed(db, name, feed.kind, file)


def main(arguments: Sequence[str]) -> int:
    feeds = [NewFeed(kind, *_pair(rest)) for kind, _, rest in (each.partition(":") for each in arguments)]
    if not all(feed.kind in ("rss", "youtube") and feed.name and feed.place for feed in feeds):
        print(__doc__, file=sys.stderr)
        return 2
    with reachable_database() as url:
        set_up(url, feeds)
    print(f"The tables are there; {counted(len(feeds), 'feed')} added.")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, _, place = text.partition("=")
    return name, place


if __name__ == "__main__":
    sys.exit(in_words(lambda: main(sys.argv[1:])))
