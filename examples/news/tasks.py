"""The tasks: `ingest-rss` → an `ingest-feed` for each feed → `clean-news` until all is clean.

A task may be run again at any point (its worker may have died just before it said "done"), so each one stores
what it did in one transaction, enqueues its children with a key, and asks the tables what is left to do.
"""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from examples.common.database import connect
from examples.news import store
from examples.news.clean import clean
from examples.news.feed import BrokenFeed, Feed, read_feed
from examples.news.fetch import (
    Document,
    FetchFailed,
    NoSuchFeed,
    Validators,
    fetch,
    host_of,
    locations,
)
from examples.news.insight_tasks import analyze_news, embed_news, recompute_profile_insights
from examples.news.limits import CLEAN_LIMIT, Limit
from hourhand import Cancel, Discard, Retry, RetryPolicy, Run, task

__all__ = [
    "analyze_news",
    "clean_news",
    "embed_news",
    "ingest_feed",
    "ingest_rss",
    "recompute_profile_insights",
]

FETCHES_AT_ONCE = 5  # over all workers; and one at a time from each host


@task("ingest-rss", max_attempts=3, timeout=60)
def ingest_rss(run: Run, clean_limit: Limit = CLEAN_LIMIT) -> dict[str, int]:
    """Start a run for each feed of each enabled source, so that a broken one fails alone."""
    with connect() as db:
        sources = store.enabled_sources(db)
    feeds = [(source, location) for source in sources for location in locations(source.url)]
    for source, location in feeds:
        _enqueue_ingest(run, source, location, clean_limit)
    run.log.info("{} feeds of {} sources", len(feeds), len(sources))
    return {"sources": len(sources), "feeds": len(feeds)}


@task(
    "ingest-feed",
    max_attempts=3,
    timeout=60,
    concurrency=FETCHES_AT_ONCE,
    retry=RetryPolicy(first=5, factor=6),
)
def ingest_feed(
    run: Run, source_id: int, location: str | None = None, clean_limit: Limit = CLEAN_LIMIT
) -> dict[str, int]:
    """Fetch one feed and store its items; `location` is a file of the source's directory.

    Tried again when the fetch failed, but not when the feed is broken.
    """
    try:
        visit = _prepare(source_id, location)
        document = fetch(visit.location, visit.known)
        feed = _read(document, visit.location) if document else None
    except (BrokenFeed, NoSuchFeed) as fault:
        raise Discard(str(fault)) from fault
    except FetchFailed as fault:
        raise Retry(fault.retry_after, reason=str(fault)) from fault
    counts, uncleaned = _save(visit, document, feed)
    if uncleaned:
        _ask_to_clean(run, clean_limit)
    if feed and feed.warning:
        run.log.warning("{}: {}", visit.location, feed.warning)
    return counts


@task("clean-news", max_attempts=3, timeout=300)
def clean_news(run: Run, limit: Limit = CLEAN_LIMIT) -> dict[str, int]:
    """Clean up to `limit` raw items, and ask for another run while some are left."""
    with connect() as db:
        items = store.take_uncleaned(db, limit)
        for item in items:
            cleaned = clean(title=item.title, content=item.content, link=item.link, published=item.published)
            store.save_cleaned(db, item.id, cleaned)
        # After a shorter batch, what may be left is just being cleaned by another run.
        more = len(items) == limit and store.has_uncleaned(db)
    if more:
        run.enqueue(clean_news, {"limit": limit}, key=f"after {run.id}")
    return {"cleaned": len(items)}


# --- The steps of ingesting ---


@dataclass(frozen=True, slots=True)
class _Visit:
    source_id: int
    location: str
    known: Validators


def _enqueue_ingest(run: Run, source: store.Source, location: str, clean_limit: int) -> None:
    payload = {"source_id": source.id, "location": location, "clean_limit": clean_limit}
    key = f"{run.id}/{source.id}/{uuid5(NAMESPACE_URL, location)}"
    if host := host_of(location):
        run.enqueue(ingest_feed, payload, key=key, concurrency_key=f"news-host:{host}")
    else:
        run.enqueue(ingest_feed, payload, key=key)


def _ask_to_clean(run: Run, limit: int) -> None:
    """Ask for a run of clean-news that has not begun: it will find what is stored by now.

    The feeds of one ingest-rss share such a run. Where it has begun, they share the one after it.
    """
    before = run.parent_id or run.id
    while True:
        asked = run.enqueue(clean_news, {"limit": limit}, key=f"after {before}", on_conflict="replace")
        if asked.outcome != "existing":
            return
        before = asked.id


def _prepare(source_id: int, location: str | None) -> _Visit:
    with connect() as db:
        source = store.find_source(db, source_id)
        if source is None:
            raise Cancel("the source was deleted")
        place = location or source.url
        return _Visit(source.id, place, store.known_validators(db, source.id, place))


def _read(document: Document, location: str) -> Feed:
    try:
        return read_feed(document.body, content_type=document.content_type, url=document.url)
    except BrokenFeed as fault:
        raise BrokenFeed(f"{location}: {fault}") from fault


def _save(visit: _Visit, document: Document | None, feed: Feed | None) -> tuple[dict[str, int], bool]:
    """Store the items with what makes the next request conditional; counts, and whether to clean."""
    validators = document.validators if document else visit.known
    with connect() as db:
        new, changed = store.save_items(db, visit.source_id, feed.items if feed else ())
        store.note_fetch(db, visit.source_id, visit.location, validators)
        counts = {"new": new, "changed": changed, "skipped": feed.skipped if feed else 0}
        return counts, store.has_uncleaned(db, visit.source_id)
