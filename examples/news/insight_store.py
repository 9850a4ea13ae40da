"""What the later tasks read from and write to the tables of schema `news`. Each function is one statement."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Jsonb

from examples.common.database import Connection
from examples.news.embeddings import Vector
from examples.news.insights import Holding, Insight, News


@dataclass(frozen=True, slots=True)
class CleanItem:
    id: int
    title: str
    text: str


def take_unembedded(db: Connection, method: str, limit: int) -> list[CleanItem]:
    """The newest items without a vector of this method that were not put off.

    Locked, so that several runs share the work.
    """
    rows = db.execute(
        """
        select c.id, c.title, c.text from news.clean_news c
        where not exists (
          select from news.embeddings e
          where e.clean_id = c.id and e.method = %s and e.embedded_at >= c.cleaned_at
        ) and not exists (
          select from news.failures f
          where f.clean_id = c.id and f.job = 'embed-news' and f.failed_at >= c.cleaned_at
            and f.again_at > now()
        )
        order by c.id desc limit %s for update skip locked
        """,
        (method, limit),
    )
    return [CleanItem(*row) for row in rows]


def save_embedding(db: Connection, clean_id: int, method: str, vector: Vector) -> None:
    db.execute(
        """
        with failed as (delete from news.failures where clean_id = %(id)s and job = 'embed-news')
        insert into news.embeddings (clean_id, method, vector) values (%(id)s, %(method)s, %(vector)s)
        on conflict (clean_id) do update
        set method = excluded.method, vector = excluded.vector, embedded_at = excluded.embedded_at
        """,
        {"id": clean_id, "method": method, "vector": list(vector)},
    )


def take_unanalysed(db: Connection) -> CleanItem | None:
    """The newest item that is not analysed, and was not put off; locked."""
    row = db.execute(
        """
        select c.id, c.title, c.text from news.clean_news c
        where not exists (
          select from news.analyses a where a.clean_id = c.id and a.analysed_at >= c.cleaned_at
        ) and not exists (
          select from news.failures f
          where f.clean_id = c.id and f.job = 'analyze-news' and f.failed_at >= c.cleaned_at
            and f.again_at > now()
        )
        order by c.id desc limit 1 for update skip locked
        """
    ).fetchone()
    return CleanItem(*row) if row else None


def put_off(db: Connection, job: str, clean_id: int, reason: str) -> None:
    """Let an item that a job can't do wait: a minute, then four times as long each time, at most a day."""
    db.execute(
        """
        insert into news.failures as known (job, clean_id, reason, again_at)
        values (%s, %s, %s, now() + interval '1 minute')
        on conflict (clean_id, job) do update
        set attempts = known.attempts + 1, reason = excluded.reason, failed_at = now(),
            again_at = now() + least(interval '1 day', interval '1 minute' * 4 ^ least(known.attempts, 10))
        """,
        (job, clean_id, reason),
    )


def save_analysis(db: Connection, clean_id: int, method: str, summary: str, sentiment: float) -> None:
    db.execute(
        """
        with failed as (delete from news.failures where clean_id = %(id)s and job = 'analyze-news')
        insert into news.analyses (clean_id, method, summary, sentiment)
        values (%(id)s, %(method)s, %(summary)s, %(sentiment)s)
        on conflict (clean_id) do update
        set method = excluded.method, summary = excluded.summary, sentiment = excluded.sentiment,
            analysed_at = excluded.analysed_at
        """,
        {"id": clean_id, "method": method, "summary": summary, "sentiment": sentiment},
    )


def put_user(db: Connection, email: str, holdings: Sequence[Holding]) -> None:
    """Add a user and what the user holds; what is known already is changed."""
    db.execute(
        """
        with known as (
          insert into news.users (email) values (%s)
          on conflict (email) do update set email = excluded.email returning id
        )
        insert into news.holdings (user_id, name, about, share)
        select id, name, about, share
        from known, jsonb_to_recordset(%s) as holding (name text, about text, share real)
        on conflict (user_id, name) do update set about = excluded.about, share = excluded.share
        """,
        (email, Jsonb([asdict(holding) for holding in holdings])),
    )


def seed_user(db: Connection) -> tuple[int, str] | None:
    """The user whose e-mail address has demo or seed in it, else the first one."""
    row = db.execute(
        "select id, email from news.users order by email ~* 'demo|seed' desc, id limit 1"
    ).fetchone()
    return (row[0], row[1]) if row else None


def holdings_of(db: Connection, user_id: int) -> list[Holding]:
    rows = db.execute(
        "select name, about, share from news.holdings where user_id = %s order by name", (user_id,)
    )
    return [Holding(*row) for row in rows]


def embedded_news(db: Connection, method: str, limit: int = 2000) -> list[News]:
    """The newest items with a vector of this method."""
    rows = db.execute(
        """
        select c.id, c.title, e.vector, a.sentiment
        from news.clean_news c
        join news.embeddings e on e.clean_id = c.id and e.method = %s
        left join news.analyses a on a.clean_id = c.id
        order by c.id desc limit %s
        """,
        (method, limit),
    )
    return [News(*row) for row in rows]


def save_insights(db: Connection, user_id: int, profile: dict[str, Any], insights: Sequence[Insight]) -> None:
    """Store the profile of a user and what the news mean for each holding, instead of what was there."""
    db.execute(
        """
        with profile as (
          insert into news.profiles (user_id, profile) values (%(user)s, %(profile)s)
          on conflict (user_id) do update set profile = excluded.profile, computed_at = excluded.computed_at
        ), sold as (
          delete from news.insights where user_id = %(user)s and holding <> all(%(held)s)
        )
        insert into news.insights (user_id, holding, says, sentiment, clean_ids)
        select %(user)s, holding, says, sentiment, clean_ids
        from jsonb_to_recordset(%(insights)s)
          as insight (holding text, says text, sentiment real, clean_ids bigint[])
        on conflict (user_id, holding) do update
        set says = excluded.says, sentiment = excluded.sentiment, clean_ids = excluded.clean_ids,
            computed_at = excluded.computed_at
        """,
        {
            "user": user_id,
            "profile": Jsonb(profile),
            "held": [insight.holding for insight in insights],
            "insights": Jsonb([asdict(insight) for insight in insights]),
        },
    )


def counts(db: Connection) -> tuple[int, int]:
    """How many items have a vector, and how many are analysed."""
    row = db.execute("select (select count(*) from news.embeddings), (select count(*) from news.analyses)")
    embedded, analysed = row.fetchall()[0]
    return embedded, analysed


def told(db: Connection) -> list[tuple[str, str]]:
    """Every user's insights."""
    rows = db.execute(
        "select email, says from news.insights join news.users on id = user_id order by email, holding"
    )
    return [(email, says) for email, says in rows]
