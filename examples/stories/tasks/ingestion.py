"""Source ingestion: whatever way something comes in, it ends as a source with text, linked to a story."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from examples.common.database import Connection, connect
from examples.common.pages import Page, decode, get, read_page
from examples.common.text import shortened
from examples.news.clean import LONGEST_TITLE, canonical_link, clean
from examples.news.feed import BrokenFeed, Item, read_feed
from examples.news.fetch import LARGEST, Document, host_of, is_web
from examples.stories import store
from examples.stories.captions import spoken_text
from examples.stories.payloads import Address, FeedItem, Pull, SourceRef, Upload
from examples.stories.tasks.stories import analyze_what_was_left, link_source_to_story
from hourhand import Cancel, Discard, Retry, Run, task
from hourhand.run import EnqueueOptions
from hourhand.tasks import Task

FETCHES_AT_ONCE = 5  # over all workers; and one at a time from each host
ENOUGH_TEXT = 200  # characters; an item with less is a teaser, and its page is fetched

_TRACK = re.compile(r"""<track\b[^>]*\bsrc\s*=\s*["']([^"']+)""", re.IGNORECASE)


@task("ingest-pull", concurrency=FETCHES_AT_ONCE)
def ingest_pull(pull: Pull, run: Run) -> dict[str, int]:
    """Pull RSS feeds for new content: one feed, or each enabled one in a run of its own."""
    if pull.feed_id is None:
        analyze_what_was_left(run)
        return _pull_all("rss", pull, ingest_pull, run)
    return _pull_one(pull.feed_id, pull.limit, run)


@task("ingest-pull-youtube", concurrency=2)
def ingest_pull_youtube(pull: Pull, run: Run) -> dict[str, int]:
    """Pull YouTube channels for new videos: one channel, or each enabled one in a run of its own."""
    if pull.feed_id is None:
        return _pull_all("youtube", pull, ingest_pull_youtube, run)
    return _pull_one(pull.feed_id, pull.limit, run)


@task("ingest-oneoff", concurrency=FETCHES_AT_ONCE)
def ingest_oneoff(address: Address, run: Run) -> dict[str, int]:
    """Take in the page at one address."""
    url = _canonical(address)
    with connect() as db:
        source_id = store.put_source(db, "article", url, url=url, title="")
    _fetch(source_id, url, run)
    return {"source_id": source_id}


@task("ingest-source", concurrency=20)
def ingest_source(item: FeedItem, run: Run) -> dict[str, int]:
    """Process an item of a feed: link it, or first fetch its page where the feed has a teaser only."""
    source = _source(item)
    if item.fetch and source.url and len(source.text) < ENOUGH_TEXT:
        _fetch(source.id, source.url, run)
    else:
        run.enqueue(link_source_to_story, SourceRef(source_id=source.id), key=f"after {run.id}")
    return {"characters": len(source.text)}


@task("ingest-from-upload", concurrency=5)
def ingest_from_upload(upload: Upload, run: Run) -> dict[str, int]:
    """Take in a file: text or HTML, in any encoding."""
    path = Path(upload.path)
    page = _read_upload(path)
    if not page.text:
        raise Discard(f"{path.name}: the file has no text")
    title = upload.title or page.title or path.stem
    with connect() as db:
        source_id = store.put_source(db, "upload", str(path), url=None, title=title)
        store.save_text(db, source_id, title, page.text)
    run.enqueue(link_source_to_story, SourceRef(source_id=source_id), key=f"after {run.id}")
    return {"source_id": source_id, "characters": len(page.text)}


@task("ingest-from-youtube", concurrency=2)
def ingest_from_youtube(address: Address, run: Run) -> dict[str, int]:
    """Process a video: its title, and what is said in it where its page names captions."""
    url = _canonical(address)
    document = get(url)
    page = read_page(document)
    text = _captions(document) or page.text
    if not text:
        raise Discard(f"{url}: the video has neither captions nor a description")
    with connect() as db:
        source_id = store.put_source(db, "video", url, url=url, title=page.title)
        store.save_text(db, source_id, page.title, text)
    run.enqueue(link_source_to_story, SourceRef(source_id=source_id), key=f"after {run.id}")
    return {"source_id": source_id, "characters": len(text)}


@task("fetch-content", concurrency=FETCHES_AT_ONCE)
def fetch_content(ref: SourceRef, run: Run) -> dict[str, int]:
    """Fetch the page of a source and keep its text."""
    source = _source(ref)
    if source.url is None:
        raise Discard(f"{source.title!r} has no address that could be fetched")
    page = read_page(get(source.url))
    text = page.text or source.text
    if not text:
        raise Discard(f"{source.url}: the page has no text")
    with connect() as db:
        store.save_text(db, source.id, page.title or source.url, text)
    run.enqueue(link_source_to_story, ref, key=f"after {run.id}")
    return {"characters": len(text)}


# --- Pulling feeds ---


def _pull_all(kind: str, pull: Pull, one: Task[..., Any], run: Run) -> dict[str, int]:
    with connect() as db:
        feeds = store.enabled_feeds(db, kind)
    for feed in feeds:
        payload = Pull(feed_id=feed.id, limit=pull.limit)
        run.enqueue(one, payload, **_politely(feed.url, f"{run.id}/{feed.id}"))
    run.log.info("{} feeds", len(feeds))
    return {"feeds": len(feeds)}


def _pull_one(feed_id: int, limit: int, run: Run) -> dict[str, int]:
    with connect() as db:
        feed = store.find_feed(db, feed_id)
    if feed is None:
        raise Cancel("the feed was deleted")
    # Sorted, so that two feeds with the same items wait for each other, not in a circle.
    items = sorted(_items(feed)[:limit], key=lambda item: (item.link, item.guid))
    with connect() as db:
        known = [_put_item(db, feed, item) for item in items]
        waiting = store.waiting(db, known)
        store.note_pull(db, feed.id)
    for source in waiting:
        _process(source, feed, run)
    return {"items": len(items), "waiting": len(waiting)}


def _items(feed: store.Feed) -> tuple[Item, ...]:
    document = get(feed.url)
    try:
        return read_feed(document.body, content_type=document.content_type, url=document.url).items
    except BrokenFeed as fault:
        raise Discard(f"{feed.name}: {fault}") from fault


def _put_item(db: Connection, feed: store.Feed, item: Item) -> int:
    cleaned = clean(title=item.title, content=item.content, link=item.link, published=item.published)
    return store.put_source(
        db,
        "video" if feed.kind == "youtube" else "article",
        cleaned.link or f"{feed.id}/{item.guid}",
        url=cleaned.link,
        title=cleaned.title,
        text=cleaned.text,
        published_at=cleaned.published_at,
        feed_id=feed.id,
    )


def _process(source: store.Source, feed: store.Feed, run: Run) -> None:
    # Once a day at most, however often the feed is pulled: what can't be read stays in it for weeks.
    key = f"source {source.id}"
    if source.kind == "video" and source.url:
        address = Address.model_validate({"url": source.url})
        run.enqueue(ingest_from_youtube, address, **_politely(source.url, key))
    else:
        # A saved feed is taken as it is: its pages may be long gone.
        run.enqueue(ingest_source, FeedItem(source_id=source.id, fetch=is_web(feed.url)), key=key)


# --- Reading what is there ---


def _source(ref: SourceRef) -> store.Source:
    with connect() as db:
        source = store.find_source(db, ref.source_id)
    if source is None:
        raise Cancel("the source was deleted")
    return source


def _fetch(source_id: int, url: str, run: Run) -> None:
    run.enqueue(fetch_content, SourceRef(source_id=source_id), **_politely(url, f"after {run.id}"))


def _politely(url: str, key: str) -> EnqueueOptions:
    """One request at a time to each host."""
    host = host_of(url)
    return {"key": key, "concurrency_key": f"host:{host}"} if host else {"key": key}


def _canonical(address: Address) -> str:
    """The form in which feeds' links are kept, so that one page is one source whichever way it comes."""
    return canonical_link(str(address.url)) or str(address.url)


def _read_upload(path: Path) -> Page:
    try:
        if path.stat().st_size > LARGEST:
            raise Discard(f"{path} is larger than {LARGEST // 1024 // 1024} MB")
        body = path.read_bytes()
    except FileNotFoundError as error:
        raise Discard(f"{path}: this worker sees no such file") from error
    except OSError as error:
        raise Retry(reason=f"{path} can't be read: {error.strerror}") from error
    if path.suffix.lower() in (".html", ".htm"):
        return read_page(Document(body))
    text = decode(body).strip()
    return Page(shortened(text.partition("\n")[0].strip(), LONGEST_TITLE), text)


def _captions(document: Document) -> str:
    track = _TRACK.search(decode(document.body, document.content_type))
    return spoken_text(decode(get(urljoin(document.url, track[1])).body)) if track else ""
