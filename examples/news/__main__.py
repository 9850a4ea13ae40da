"""Run the news example once: python -m examples.news

Uses the configured database, or an embedded one that is started for it; creates the tables, adds the feeds of
the example (and of HOURHAND_EXAMPLE_FEEDS) as sources, runs `ingest-rss` and all that follows from it, and
prints what happened. Broken feeds fail alone; the exit code is 0 unless something else fails.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from examples.news import store
from examples.news.database import connect
from examples.news.setup import reachable_database, set_up
from examples.news.tasks import ingest_rss, ingest_source
from hourhand import Client
from hourhand.errors import HourhandError
from hourhand.records import RunRecord

_HERE = Path(__file__).parent


def main() -> int:
    try:
        with reachable_database() as url:
            _hourhand(url, "migrate")
            set_up(url, _sources())
            with Client() as client:
                first = client.enqueue(ingest_rss)
                _hourhand(
                    url, "worker", "--drain", "--tasks", "examples.news.tasks", "--log-level", "WARNING"
                )
                runs = sorted(_family(client, first.id), key=lambda run: run.id)
            _print_runs(runs)
            _print_news(url)
    except HourhandError as error:
        print(f"Error: {error}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    return 0 if all(run.status == "completed" or _is_broken_feed(run) for run in runs) else 1


def _sources() -> dict[str, str]:
    sources = {"Feeds of the example": str(_HERE / "feeds")}
    if real := os.environ.get("HOURHAND_EXAMPLE_FEEDS"):
        sources["Real feeds"] = real
    return sources


def _hourhand(url: str, *arguments: str) -> None:
    """Run the command as one would by hand. A failed run makes a worker that drains end with 1."""
    environment = {**os.environ, "DATABASE_URL": url}
    ended = subprocess.run([sys.executable, "-m", "hourhand", *arguments], env=environment, check=False)
    if ended.returncode not in (0, 1):
        raise HourhandError(f"hourhand {arguments[0]} ended with exit code {ended.returncode}")


def _family(client: Client, run_id: int) -> Iterator[RunRecord]:
    """The run, its children and theirs."""
    run = client.runs.get(run_id)
    yield run
    for child in (run.model_extra or {}).get("children", ()):
        yield from _family(client, child)


def _is_broken_feed(run: RunRecord) -> bool:
    return run.task == ingest_source.name and run.status == "failed"


def _print_runs(runs: list[RunRecord]) -> None:
    for run in runs:
        took = f" ({run.duration.total_seconds() * 1000:.0f} ms)" if run.duration else ""
        print(f"{run.status:>9}  {run.task}{_subject(run)}: {_told(run)}{took}")


def _subject(run: RunRecord) -> str:
    return f" {Path(run.payload['location']).name}" if run.task == ingest_source.name else ""


def _told(run: RunRecord) -> str:
    if run.status != "completed":
        return str(run.error)
    return ", ".join(f"{count} {word}" for word, count in run.result.items())


def _print_news(url: str) -> None:
    with connect(url) as db:
        raw, cleaned = store.totals(db)
        newest = store.newest(db, 5)
    print(f"\n{raw} items, {cleaned} cleaned. The newest:")
    for published_at, title in newest:
        print(f"  {published_at:%Y-%m-%d %H:%M} UTC  {title}")


if __name__ == "__main__":
    sys.exit(main())
