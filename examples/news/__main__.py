"""Run the news example: python -m examples.news [run|tick]

run   everything once, over all there is (the default): creates the tables, adds the feeds of the example (and
      of HOURHAND_EXAMPLE_FEEDS) as sources and a user with holdings, runs the five jobs in sequence, a run at
      a time, and prints what happened. Broken feeds fail alone; the exit code is 0 unless more fails.
tick  the five jobs of schedules.yaml now, with its limits, and their summary, as `make jobs-tick` does. Where
      no source is known, it adds three feeds of the example. The exit code is 1 when a job failed.

Uses the configured database, or an embedded one that is started for it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from examples.common.database import connect, reachable_database
from examples.common.settings import setting
from examples.common.show import hourhand, in_words, work
from examples.news import insight_store, store
from examples.news.setup import set_up
from examples.news.tasks import ingest_feed
from hourhand import Client
from hourhand.records import RunRecord

TASKS = "examples.news.tasks"
FIRST_FEEDS = {
    "Harbour Gazette": "harbour-gazette.xml",
    "Signal Box": "signal-box.xml",
    "Tide Journal": "tide-journal.xml",
}
_HERE = Path(__file__).parent

STEPS = (
    {"task": "ingest-rss"},
    {"task": "clean-news", "payload": {"limit": 50}},
    {"task": "embed-news", "payload": {"limit": 1000}},
    {"task": "analyze-news", "payload": {"limit": 1000}},
    {"task": "recompute-profile-insights"},
)


def main(arguments: Sequence[str]) -> int:
    command = COMMANDS.get(arguments[0] if arguments else "run")
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    with reachable_database() as url:
        hourhand(url, "migrate")
        return command(url)


def run(url: str) -> int:
    set_up(url, _sources())
    with Client() as client:
        first = client.enqueue("hourhand.sequence", {"steps": STEPS})
        done = work(url, client, first.id, "--tasks", TASKS, "--batch", "1")
        runs = [client.runs.get(run.id) for run in done]
    _print_runs(runs)
    _print_news(url)
    return 0 if all(run.status == "completed" or _is_broken_feed(run) for run in runs) else 1


def tick(url: str) -> int:
    set_up(url, {})
    with connect(url) as db:
        is_new = not store.enabled_sources(db)
    if is_new:
        set_up(url, {name: str(_HERE / "feeds" / file) for name, file in FIRST_FEEDS.items()})
    hourhand(url, "schedule", "apply", str(_HERE / "schedules.yaml"))
    return hourhand(url, "tick", "--only", "news", "--tasks", TASKS)


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
        return run.error or "not done yet"
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


COMMANDS: Mapping[str, Callable[[str], int]] = {"run": run, "tick": tick}

if __name__ == "__main__":
    sys.exit(in_words(lambda: main(sys.argv[1:])))
