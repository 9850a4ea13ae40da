"""What the tasks read from and write to the tables of schema `news`. Each function is one statement."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from examples.common.database import Connection
from examples.news.clean import Cleaned
from examples.news.feed import Item
from examples.news.fetch import Validators


@dataclass(frozen=True, slots=True)
class Source:
    id: int
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class RawItem:
    id: int
    title: str
    content: str
    link: str
    published: str


def put_source(db: Connection, name: str, url: str) -> None:
    """Add a source, or give the one of this name another address."""
    db.execute(
        """
        insert into news.sources (name, url) values (%s, %s)
        on conflict (name) do update set url = excluded.url
        """,
        (name, url),
    )


def enabled_sources(db: Connection) -> list[Source]:
    rows = db.execute("select id, name, url from news.sources where enabled order by id")
    return [Source(*row) for row in rows]


def find_source(db: Connection, source_id: int) -> Source | None:
    row = db.execute("select id, name, url from news.sources where id = %s", (source_id,)).fetchone()
    return Source(*row) if row else None


def known_validators(db: Connection, source_id: int, url: str) -> Validators:
    """What was noted about the document at `url`."""
    row = db.execute(
        "select etag, last_modified from news.sources where id = %s and validated_url = %s", (source_id, url)
    ).fetchone()
    return Validators(*row) if row else Validators()


def note_fetch(db: Connection, source_id: int, url: str, validators: Validators) -> None:
    db.execute(
        """
        update news.sources
        set etag = %s, last_modified = %s, validated_url = %s, last_fetched_at = now()
        where id = %s
        """,
        (validators.etag, validators.last_modified, url, source_id),
    )


def save_items(db: Connection, source_id: int, items: Sequence[Item]) -> tuple[int, int]:
    """Store what is new or has changed, to be cleaned (again); how many are new, how many changed."""
    # In the order of the guids, so that two runs with the same items wait for each other, not in a circle.
    rows = db.execute(
        """
        insert into news.raw_news as known (source_id, guid, title, link, author, content, published)
        select %s, guid, title, link, author, content, published
        from jsonb_to_recordset(%s)
          as item (guid text, title text, link text, author text, content text, published text)
        order by guid
        on conflict (source_id, guid) do update
        set title = excluded.title, link = excluded.link, author = excluded.author,
            content = excluded.content, published = excluded.published, fetched_at = now(), cleaned_at = null
        where (known.title, known.link, known.author, known.content, known.published)
          is distinct from
          (excluded.title, excluded.link, excluded.author, excluded.content, excluded.published)
        returning xmax = 0  -- true for an inserted row
        """,
        (source_id, Jsonb([asdict(item) for item in items])),
    ).fetchall()
    new = sum(row[0] for row in rows)
    return new, len(rows) - new


def has_uncleaned(db: Connection, source_id: int | None = None) -> bool:
    """Whether something is left to clean, of one source or of all."""
    row = db.execute(
        """
        select exists (
          select from news.raw_news where cleaned_at is null and source_id = coalesce(%s, source_id)
        )
        """,
        (source_id,),
    ).fetchone()
    return row is not None and row[0]


def take_uncleaned(db: Connection, limit: int) -> list[RawItem]:
    """The oldest items that are to be cleaned; locked, so that several runs share the work."""
    rows = db.execute(
        """
        select id, title, content, link, published from news.raw_news
        where cleaned_at is null order by id limit %s for update skip locked
        """,
        (limit,),
    )
    return [RawItem(*row) for row in rows]


def save_cleaned(db: Connection, raw_id: int, item: Cleaned) -> None:
    """Store a cleaned item, instead of what was made of the raw one before it changed."""
    db.execute(
        """
        with done as (
          update news.raw_news set cleaned_at = now() where id = %(raw_id)s
        )
        insert into news.clean_news (raw_id, title, text, link, published_at)
        values (%(raw_id)s, %(title)s, %(text)s, %(link)s, %(published_at)s)
        on conflict (raw_id) do update
        set title = excluded.title, text = excluded.text, link = excluded.link,
            published_at = excluded.published_at, cleaned_at = excluded.cleaned_at
        """,
        {"raw_id": raw_id, **asdict(item)},
    )


def totals(db: Connection) -> tuple[int, int]:
    """How many raw items there are, and how many cleaned ones."""
    row = db.execute("select (select count(*) from news.raw_news), (select count(*) from news.clean_news)")
    raw, cleaned = row.fetchall()[0]
    return raw, cleaned


def newest(db: Connection, limit: int) -> list[tuple[datetime, str]]:
    """When the newest cleaned items were published (UTC), and what they are called."""
    rows = db.execute(
        """
        select published_at at time zone 'UTC', title from news.clean_news
        where published_at is not null order by published_at desc, id desc limit %s
        """,
        (limit,),
    )
    return [(published_at, title) for published_at, title in rows]
