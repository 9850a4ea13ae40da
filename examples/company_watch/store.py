"""What the tasks read from and write to the tables of schema `company_watch`, a statement a function."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg.types.json import Jsonb

from examples.common.database import Connection
from examples.company_watch.matching import Match, Wish
from examples.company_watch.postings import Posting

MIGRATIONS = Path(__file__).parent / "sql"
SCHEDULE = "company-watch"


@dataclass(frozen=True, slots=True)
class Offer:
    """A posting that is open, with its id."""

    id: int
    posting: Posting


def put_company(db: Connection, key: str, name: str, careers_url: str) -> None:
    db.execute(
        """
        insert into company_watch.companies (key, name, careers_url) values (%s, %s, %s)
        on conflict (key) do update set name = excluded.name, careers_url = excluded.careers_url
        """,
        (key, name, careers_url),
    )


def put_user(db: Connection, email: str, wishes: Sequence[str], places: Sequence[str]) -> None:
    db.execute(
        """
        insert into company_watch.users (email, wishes, places) values (%s, %s, %s)
        on conflict (email) do update set wishes = excluded.wishes, places = excluded.places
        """,
        (email, list(wishes), list(places)),
    )


def careers_url(db: Connection, company: str) -> str | None:
    row = db.execute("select careers_url from company_watch.companies where key = %s", (company,)).fetchone()
    return row[0] if row else None


def take_turn(db: Connection, host: str, delay: float) -> float:
    """Reserve the next free moment of a host, `delay` seconds after the last; in how many seconds it is."""
    row = db.execute(
        """
        insert into company_watch.hosts as known (host, free_at) values (%(host)s, now())
        on conflict (host) do update
        set free_at = greatest(now(), known.free_at + %(delay)s * interval '1 second')
        returning extract(epoch from free_at - now())::float
        """,
        {"host": host, "delay": delay},
    ).fetchone()
    return row[0] if row else 0.0


def known_robots(db: Connection, address: str) -> str | None:
    """What a site's robots.txt said within the last day, which is as long as it may be kept (RFC 9309)."""
    row = db.execute(
        "select text from company_watch.robots where address = %s and read_at > now() - interval '1 day'",
        (address,),
    ).fetchone()
    return row[0] if row else None


def save_robots(db: Connection, address: str, text: str) -> None:
    db.execute(
        """
        insert into company_watch.robots (address, text) values (%s, %s)
        on conflict (address) do update set text = excluded.text, read_at = now()
        """,
        (address, text),
    )


def save_postings(db: Connection, company: str, found: Sequence[Posting]) -> tuple[int, int]:
    """Store what a company lists now, and mark what it no longer lists; how many are new, how many gone."""
    row = db.execute(
        """
        with listed as (
          insert into company_watch.postings as known (company, url, title, place, text)
          select %(company)s, url, title, place, text
          from jsonb_to_recordset(%(found)s) as posting (url text, title text, place text, text text)
          order by url
          on conflict (company, url) do update
          set title = excluded.title, place = excluded.place, text = excluded.text,
              last_seen_at = now(), gone_at = null
          returning url, xmax = 0 as is_new
        ), gone as (
          update company_watch.postings set gone_at = now()
          where company = %(company)s and gone_at is null and url not in (select url from listed)
          returning 1
        )
        select (select count(*) from listed where is_new), (select count(*) from gone)
        """,
        {"company": company, "found": Jsonb([asdict(posting) for posting in found])},
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def open_offers(db: Connection, company: str) -> list[Offer]:
    rows = db.execute(
        """
        select id, url, title, place, text from company_watch.postings
        where company = %s and gone_at is null order by id
        """,
        (company,),
    )
    return [Offer(row[0], Posting(*row[1:])) for row in rows]


def watchers(db: Connection, company: str) -> list[tuple[int, Wish]]:
    """Who ranks a company, and what they look for."""
    rows = db.execute(
        """
        select u.id, u.wishes, u.places from company_watch.users u
        join company_watch.preferences p on p.email = u.email
        where p.company = %s order by u.id
        """,
        (company,),
    )
    return [(user_id, Wish(tuple(wishes), tuple(places))) for user_id, wishes, places in rows]


def save_matches(db: Connection, user_id: int, matches: Sequence[Match]) -> int:
    """How many were not saved before."""
    rows = db.execute(
        """
        insert into company_watch.saved_jobs (user_id, posting_id, score, reason)
        select %s, posting_id, score, reason
        from jsonb_to_recordset(%s) as match (posting_id bigint, score numeric, reason text)
        on conflict (user_id, posting_id) do update set score = excluded.score, reason = excluded.reason
        returning xmax = 0
        """,
        (user_id, Jsonb([asdict(match) for match in matches])),
    )
    return sum(new for (new,) in rows)


def make_scan_due(db: Connection) -> None:
    """Let the next look of a scheduler fire the fleet, instead of the one at the full hour."""
    db.execute("update hourhand.scheduled_jobs set next_run_at = now() where name = %s", (SCHEDULE,))
