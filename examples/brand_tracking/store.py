"""What the tasks read from and write to the tables of schema `brand_tracking`, a statement a function."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from examples.brand_tracking.scoring import Score
from examples.common.database import Connection


@dataclass(frozen=True, slots=True)
class Brand:
    id: int
    name: str
    aliases: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, *self.aliases


@dataclass(frozen=True, slots=True)
class Query:
    id: int
    query: str


@dataclass(frozen=True, slots=True)
class Answer:
    id: int
    answer: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A brand in its latest collection that was scored: shares from 0 to 1, None where it was never named."""

    brand: str
    answers: int
    present: int
    position: float | None
    sentiment: float | None


def put_brand(db: Connection, name: str, aliases: Sequence[str], queries: Sequence[str]) -> None:
    """Add a brand with active queries, or what is missing of them."""
    db.execute(
        """
        with brand as (
          insert into brand_tracking.brands (name, aliases) values (%s, %s)
          on conflict (name) do update set aliases = excluded.aliases
          returning id
        )
        insert into brand_tracking.generated_queries (brand_id, query)
        select brand.id, query from brand, unnest(%s::text[]) as query
        on conflict do nothing
        """,
        (name, list(aliases), list(queries)),
    )


def brands(db: Connection) -> list[Brand]:
    rows = db.execute("select id, name, aliases from brand_tracking.brands order by id")
    return [Brand(brand_id, name, tuple(aliases)) for brand_id, name, aliases in rows]


def active_queries(db: Connection, brand_id: int) -> list[Query]:
    query = """
        select id, query from brand_tracking.generated_queries
        where brand_id = %s and is_active order by id
        """
    return db.cursor(row_factory=class_row(Query)).execute(query, (brand_id,)).fetchall()


def answered(db: Connection, collection: int) -> set[int]:
    """The queries that this collection has an answer to."""
    rows = db.execute("select query_id from brand_tracking.answers where collection = %s", (collection,))
    return {row[0] for row in rows}


def save_answer(db: Connection, collection: int, query_id: int, answered_by: str, answer: str) -> None:
    db.execute(
        """
        insert into brand_tracking.answers (collection, query_id, answered_by, answer)
        values (%s, %s, %s, %s) on conflict do nothing
        """,
        (collection, query_id, answered_by, answer),
    )


def unscored(db: Connection, brand_id: int) -> list[Answer]:
    query = """
        select answer.id, answer.answer
        from brand_tracking.answers as answer
          join brand_tracking.generated_queries as query on query.id = answer.query_id
        where query.brand_id = %(brand)s and not exists (
          select from brand_tracking.scores where answer_id = answer.id and brand_id = %(brand)s
        )
        order by answer.id
        """
    return db.cursor(row_factory=class_row(Answer)).execute(query, {"brand": brand_id}).fetchall()


def save_score(db: Connection, answer_id: int, brand_id: int, score: Score) -> None:
    db.execute(
        "insert into brand_tracking.scores values (%s, %s, %s, %s, %s) on conflict do nothing",
        (answer_id, brand_id, score.present, score.position, score.sentiment),
    )


def standings(db: Connection) -> list[Standing]:
    """The brands in their latest collection, the most present first."""
    query = """
        select brand.name as brand, count(*) as answers, count(*) filter (where score.present) as present,
          avg(score.position)::float8 as position, avg(score.sentiment)::float8 as sentiment
        from brand_tracking.brands as brand
          cross join lateral (
            select answer.collection from brand_tracking.answers as answer
              join brand_tracking.scores as score on score.answer_id = answer.id
            where score.brand_id = brand.id order by answer.collection desc limit 1
          ) as latest
          join brand_tracking.answers as answer on answer.collection = latest.collection
          join brand_tracking.scores as score on score.answer_id = answer.id and score.brand_id = brand.id
        group by brand.id
        order by present desc, position, brand.id
        """
    return db.cursor(row_factory=class_row(Standing)).execute(query).fetchall()
