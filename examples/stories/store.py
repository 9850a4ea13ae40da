"""What the tasks read from and write to the tables of schema `stories`. Each function is one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from examples.common.database import Connection
from examples.stories.payloads import Kind

COMPARED = 300  # the newest stories and insights that something new is compared with


@dataclass(frozen=True, slots=True)
class Feed:
    id: int
    name: str
    kind: str
    url: str


@dataclass(frozen=True, slots=True)
class Source:
    id: int
    kind: Kind
    url: str | None
    title: str
    text: str
    story_id: int | None


@dataclass(frozen=True, slots=True)
class Insight:
    id: int
    text: str
    duplicate_of: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """A story as a brief tells it."""

    title: str
    summary: str
    sources: int
    relevance: float
    sentiment: float
    insight: str | None


# --- Feeds and sources ---


def put_feed(db: Connection, name: str, kind: str, url: str) -> None:
    """Add a feed, or give the one of this name another address."""
    db.execute(
        """
        insert into stories.feeds (name, kind, url) values (%s, %s, %s)
        on conflict (name) do update set kind = excluded.kind, url = excluded.url
        """,
        (name, kind, url),
    )


def enabled_feeds(db: Connection, kind: str) -> list[Feed]:
    query = "select id, name, kind, url from stories.feeds where enabled and kind = %s order by id"
    return db.cursor(row_factory=class_row(Feed)).execute(query, (kind,)).fetchall()


def find_feed(db: Connection, feed_id: int) -> Feed | None:
    query = "select id, name, kind, url from stories.feeds where id = %s"
    return db.cursor(row_factory=class_row(Feed)).execute(query, (feed_id,)).fetchone()


def note_pull(db: Connection, feed_id: int) -> None:
    db.execute("update stories.feeds set last_pulled_at = now() where id = %s", (feed_id,))


def put_source(
    db: Connection,
    kind: Kind,
    ref: str,
    *,
    url: str | None,
    title: str,
    text: str = "",
    published_at: datetime | None = None,
    feed_id: int | None = None,
) -> int:
    """Add a source, or find the one that has this reference; its id."""
    row = db.execute(
        """
        insert into stories.sources as known (kind, ref, url, title, text, published_at, feed_id)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (ref) do update set title = known.title  -- so that it is returned
        returning id
        """,
        (kind, ref, url, title, text, published_at, feed_id),
    ).fetchone()
    assert row is not None
    source_id: int = row[0]
    return source_id


def waiting(db: Connection, source_ids: Sequence[int]) -> list[Source]:
    """Those that have not found their story yet."""
    query = """
        select id, kind, url, title, text, story_id from stories.sources
        where id = any(%s) and story_id is null order by id
        """
    return db.cursor(row_factory=class_row(Source)).execute(query, (list(source_ids),)).fetchall()


def find_source(db: Connection, source_id: int) -> Source | None:
    query = "select id, kind, url, title, text, story_id from stories.sources where id = %s"
    return db.cursor(row_factory=class_row(Source)).execute(query, (source_id,)).fetchone()


def save_text(db: Connection, source_id: int, title: str, text: str) -> None:
    """Keep what was read, to be gone through again where it is new; a title only where none was known."""
    db.execute(
        """
        update stories.sources
        set highlighted_at = case when text = %(text)s then highlighted_at end, text = %(text)s,
            title = coalesce(nullif(title, ''), %(title)s)
        where id = %(id)s
        """,
        {"id": source_id, "title": title, "text": text},
    )


# --- Stories ---


def recent_stories(db: Connection) -> list[tuple[int, str]]:
    """The ids of stories, with the words of their sources to compare."""
    return db.execute(
        """
        select story.id, string_agg(source.title || E'\n' || left(source.text, 500), E'\n' order by source.id)
        from (select id from stories.stories order by updated_at desc limit %s) as story
          join stories.sources as source on source.story_id = story.id
        group by story.id
        order by story.id
        """,
        (COMPARED,),
    ).fetchall()


def add_story(db: Connection, title: str) -> int:
    row = db.execute("insert into stories.stories (title) values (%s) returning id", (title,)).fetchone()
    assert row is not None
    story_id: int = row[0]
    return story_id


def link_source(db: Connection, source_id: int, story_id: int) -> None:
    db.execute(
        """
        with story as (update stories.stories set updated_at = now() where id = %(story)s)
        update stories.sources set story_id = %(story)s where id = %(source)s
        """,
        {"source": source_id, "story": story_id},
    )


def sources_of(db: Connection, story_id: int, *, highlighted: bool | None = None) -> list[Source]:
    query = """
        select id, kind, url, title, text, story_id from stories.sources
        where story_id = %s and (highlighted_at is not null) = coalesce(%s, highlighted_at is not null)
        order by id
        """
    return db.cursor(row_factory=class_row(Source)).execute(query, (story_id, highlighted)).fetchall()


def save_summary(db: Connection, story_id: int, summary: str) -> None:
    db.execute(
        "update stories.stories set summary = %s, summarized_at = now() where id = %s", (summary, story_id)
    )


def settle_status(db: Connection, story_id: int) -> str | None:
    """The status that follows from what is there, so that it is right whoever comes last."""
    row = db.execute(
        """
        update stories.stories
        set status = case
          when summarized_at >= updated_at then 'ready'
          when exists (select from stories.sources where story_id = stories.id) then 'analyzing'
          else 'new'
        end
        where id = %s
        returning status
        """,
        (story_id,),
    ).fetchone()
    return row[0] if row else None


def left_behind(db: Connection) -> list[int]:
    """Stories of the last day whose analysis has ended without doing all of it."""
    rows = db.execute(
        """
        select id from stories.stories as story
        where updated_at > now() - interval '1 day'
          and (status <> 'ready' or exists (
            select from stories.sources where story_id = story.id and highlighted_at is null
          ))
          and not exists (
            select from hourhand.job_runs
            where concurrency_key = 'story:' || story.id and status in ('pending', 'processing')
          )
        order by id
        """
    )
    return [story_id for (story_id,) in rows]


# --- Insights ---


def save_highlights(db: Connection, source_id: int, highlights: Sequence[tuple[str, float]]) -> None:
    """Keep the highlights of a source (text and sentiment) and that it has been gone through."""
    db.execute(
        """
        with source as (update stories.sources set highlighted_at = now() where id = %(source)s)
        insert into stories.insights (source_id, text, sentiment)
        select %(source)s, told->>0, (told->>1)::real from jsonb_array_elements(%(told)s) as told
        on conflict do nothing
        """,
        {"source": source_id, "told": Jsonb(highlights)},
    )


def insights_to_compare(db: Connection) -> list[Insight]:
    """The newest insights of all stories, the oldest of them first."""
    query = """
        select * from (
          select id, text, duplicate_of from stories.insights order by id desc limit %s
        ) as newest
        order by id
        """
    return db.cursor(row_factory=class_row(Insight)).execute(query, (COMPARED,)).fetchall()


def mark_duplicate(db: Connection, insight_id: int, of: int) -> None:
    db.execute("update stories.insights set duplicate_of = %s where id = %s", (of, insight_id))


def unattached(db: Connection, story_id: int) -> list[int]:
    """Insights of the story's sources that are no duplicates and belong to no story yet."""
    rows = db.execute(
        """
        select insight.id
        from stories.insights as insight join stories.sources as source on source.id = insight.source_id
        where source.story_id = %s and insight.story_id is null and insight.duplicate_of is null
        order by insight.id
        """,
        (story_id,),
    )
    return [row[0] for row in rows]


def attach(db: Connection, insight_id: int, story_id: int) -> bool:
    """Whether both are there."""
    done = db.execute(
        "update stories.insights set story_id = story.id from stories.stories as story"
        " where insights.id = %s and story.id = %s",
        (insight_id, story_id),
    )
    return done.rowcount == 1


def find_insight(db: Connection, insight_id: int) -> Insight | None:
    query = "select id, text, duplicate_of from stories.insights where id = %s"
    return db.cursor(row_factory=class_row(Insight)).execute(query, (insight_id,)).fetchone()


def interests(db: Connection) -> list[str]:
    return [row[0] for row in db.execute("select topic from stories.interests order by topic")]


def save_relevance(db: Connection, insight_id: int, relevance: float) -> None:
    db.execute("update stories.insights set relevance = %s where id = %s", (relevance, insight_id))


# --- Briefs and playbooks ---


def most_relevant(db: Connection, count: int) -> list[Told]:
    """Stories that are ready: the most relevant first, of these the ones with more sources."""
    query = """
        select story.title, story.summary,
          (select count(*) from stories.sources where story_id = story.id) as sources,
          coalesce(max(insight.relevance), 0) as relevance,
          coalesce(avg(insight.sentiment), 0) as sentiment,
          (array_agg(insight.text order by insight.relevance desc nulls last, insight.id))[1] as insight
        from stories.stories as story left join stories.insights as insight on insight.story_id = story.id
        where story.status = 'ready'
        group by story.id
        order by relevance desc, sources desc, story.id
        limit %s
        """
    return db.cursor(row_factory=class_row(Told)).execute(query, (count,)).fetchall()


def save_brief(db: Connection, run_id: int, title: str, body: str) -> int:
    row = db.execute(
        """
        insert into stories.briefs (run_id, title, body) values (%s, %s, %s)
        on conflict (run_id) do update set title = excluded.title, body = excluded.body
        returning id
        """,
        (run_id, title, body),
    ).fetchone()
    assert row is not None
    brief_id: int = row[0]
    return brief_id


def put_playbook(db: Connection, name: str, steps: Sequence[dict[str, Any]]) -> None:
    db.execute(
        """
        insert into stories.playbooks values (%s, %s)
        on conflict (name) do update set steps = excluded.steps
        """,
        (name, Jsonb(steps)),
    )


def find_playbook(db: Connection, name: str) -> list[dict[str, Any]] | None:
    row = db.execute("select steps from stories.playbooks where name = %s", (name,)).fetchone()
    return row[0] if row else None


def put_interests(db: Connection, topics: Sequence[str]) -> None:
    db.execute(
        "insert into stories.interests select unnest(%s::text[]) on conflict do nothing", (list(topics),)
    )


def totals(db: Connection) -> dict[str, int]:
    """How many rows each table has."""
    row = db.execute(
        """
        select jsonb_build_object(
          'feeds', (select count(*) from stories.feeds),
          'sources', (select count(*) from stories.sources),
          'stories', (select count(*) from stories.stories),
          'ready', (select count(*) from stories.stories where status = 'ready'),
          'insights', (select count(*) from stories.insights where story_id is not null),
          'duplicates', (select count(*) from stories.insights where duplicate_of is not null),
          'briefs', (select count(*) from stories.briefs))
        """
    ).fetchone()
    assert row is not None
    counts: dict[str, int] = row[0]
    return counts


def latest_brief(db: Connection) -> str | None:
    row = db.execute("select body from stories.briefs order by id desc limit 1").fetchone()
    return row[0] if row else None
