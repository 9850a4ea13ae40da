"""The status report: python -m examples.company_watch status"""

from collections.abc import Iterator

from examples.common.database import Connection

BANDS = (
    (81, 100, "daily"),
    (61, 80, "every 2 days"),
    (31, 60, "every 3 days"),
    (11, 30, "every 4 days"),
    (1, 10, "every 5 days"),
)


def report(db: Connection) -> Iterator[str]:
    yield from _queue(db)
    yield from _bands(db)
    yield from _companies(db)
    yield from _users(db)


def _queue(db: Connection) -> Iterator[str]:
    rows = db.execute(
        """
        select task, status, count(*) from hourhand.job_runs
        where queue in ('scrape', 'match', 'results') and created_at > now() - interval '1 day'
        group by task, status order by task, status
        """
    )
    yield "Runs of the last day"
    for task, status, count in rows:
        yield f"  {task:<15} {status:<10} {count:>5}"


def _bands(db: Connection) -> Iterator[str]:
    ranks = [
        rank
        for (rank,) in db.execute("select distinct on (company) highest_rank from company_watch.preferences")
    ]
    yield "Companies by rank"
    for lowest, highest, often in BANDS:
        yield f"  {lowest:>3}-{highest:<3} {often:<13} {sum(lowest <= rank <= highest for rank in ranks):>3}"


def _companies(db: Connection) -> Iterator[str]:
    rows = db.execute(
        """
        select company, highest_rank, count(*),
          (select count(*) from company_watch.postings o where o.company = p.company and o.gone_at is null),
          coalesce(to_char(max(last_completed_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), 'never'),
          case when max(next_run_at) <= now() then 'due now'
            else to_char(max(next_run_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') end,
          max(failures),
          (select error from hourhand.job_runs r
           where r.task = 'scrape-company' and r.item_key = p.company and r.status = 'failed'
           order by id desc limit 1)
        from company_watch.preferences p group by company, highest_rank order by highest_rank desc, company
        """
    )
    yield "Companies (rank, users, jobs, last scrape, next one in UTC)"
    for company, rank, users, jobs, last, due, failures, error in rows:
        yield f"  {company:<14} {rank:>3} {users:>2} {jobs:>3}  {last:<16}  {due}"
        if failures:
            yield f"    failed {failures} times in a row: {error}" if failures > 1 else f"    failed: {error}"


def _users(db: Connection) -> Iterator[str]:
    rows = db.execute(
        """
        select u.email, count(s.*), coalesce(max(s.score), 0) from company_watch.users u
        left join company_watch.saved_jobs s on s.user_id = u.id group by u.email order by u.email
        """
    )
    yield "Saved jobs"
    for email, count, best in rows:
        yield f"  {email:<20} {count:>3}  (best {best:.2f})"
