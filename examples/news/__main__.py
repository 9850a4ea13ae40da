"""Run the news example once: python -m examples.news

Uses the configured database, or an embedded one that is started for it; creates the tables, adds the feeds of
the example (and of HOURHAND_EXAMPLE_FEEDS) as sources and a user with holdings, runs the five jobs in
sequence over all there is, a run at a time, and prints what happened. Broken feeds fail alone; the exit
code is 0 unless something else fails.
"""

import sys
from pathlib import Path

from examples.common.database import connect, reachable_database
from examples.common.settings import setting
from examples.common.show import hourhand, runs_since, told
from examples.news import insight_store, store
from examples.news.setup import set_up
from examples.news.tasks import ingest_feed
from hourhand import Client
from hourhand.errors import HourhandError
from hourhand.records import RunRecord

_HERE = Path(__file__).parent

STEPS = (
    {"task": "ingest-rss"},
    {"task": "clean-news", "payload": {"limit": 50}},
    {"task": "embed-news", "payload": {"limit": 1000}},
    {"task": "analyze-news", "payload": {"limit": 1000}},
    {"task": "recompute-profile-insights"},
)


def main() -> int:
    try:
        with reachable_database() as url:
            hourhand(url, "migrate")
            set_up(url, _sources())
            with Client() as client:
                first = client.enqueue("hourhand.sequence", {"steps": STEPS})
                hourhand(url, "tick", "--tasks", "examples.news.tasks")
                runs = [client.runs.get(run.id) for run in runs_since(client, first.id)]
            _print_runs(runs)
            _print_news(url)
    except HourhandError as error:
        return told(error)
    return 0 if all(run.status == "completed" or _is_broken_feed(run) for run in runs) else 1


def _sources() -> dict[str, str]:
    sources = {"Feeds of the example": str(_HERE / "feeds")}
    if real := setting("HOURHAND_EXAMPLE_FEEDS"):
        sources["Real feeds"] = real
    return sources


def _is_broken_feed(run: RunRecord) -> bool:
    return run.task == ingest_feed.name and run.status == "failed"


def _print_runs(runs: list[RunRecord]) -> None:
    for run in runs:
        took = f" ({run.duration.total_seconds() * 1000:.0f} ms)" if run.duration else ""
        print(f"{run.status:>9}  {run.task}{_subject(run)}: {_told(run)}{took}")


def _subject(run: RunRecord) -> str:
    return f" {Path(run.payload['location']).name}" if run.task == ingest_feed.name else ""


def _told(run: RunRecord) -> str:
    if run.status != "completed":
        return str(run.error)
    counts = {word: count for word, count in run.result.items() if isinstance(count, int)}
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _print_news(url: str) -> None:
    with connect(url) as db:
        raw, cleaned = store.totals(db)
        newest = store.newest(db, 5)
        embedded, analysed = insight_store.counts(db)
        insights = insight_store.told(db)
    print(f"\n{raw} items, {cleaned} cleaned, {embedded} embedded, {analysed} analysed. The newest:")
    for published_at, title in newest:
        print(f"  {published_at:%Y-%m-%d %H:%M} UTC  {title}")
    print("\nInsights:")
    for email, says in insights:
        print(f"  {email}  {says}")


if __name__ == "__main__":
    sys.exit(main())
