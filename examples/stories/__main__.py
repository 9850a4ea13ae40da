"""Run the stories example once: python -m examples.stories

Uses the configured database, or an embedded one that is started for it; creates the tables, serves the pages
of the example on the loopback, adds its feeds (and those of HOURHAND_EXAMPLE_FEEDS), lets a worker do all
that follows, and prints the brief. Broken feeds and empty pages fail alone; the exit code is 0 unless
something else fails.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from examples.common.database import connect, reachable_database
from examples.common.language import language
from examples.common.settings import setting
from examples.common.show import counted, hourhand, in_words, print_failures, print_tally, work
from examples.common.site import serving
from examples.stories import store
from examples.stories.setup import NewFeed, set_up
from examples.stories.tasks.briefs import playbook_run
from examples.stories.tasks.ingestion import (
    ingest_from_upload,
    ingest_oneoff,
    ingest_pull,
    ingest_pull_youtube,
)
from hourhand import Client
from hourhand.records import RunRecord

NEWEST = 4  # items of each feed; the schedules take 50
PORT = 8766  # of the site, so that its pages are the same when the example is run again
_HERE = Path(__file__).parent
_TASKS = ("--tasks", "examples.stories.tasks", "--batch", "10")
_READERS = ("ingest-", "fetch-content")  # tasks that meet what others have written


def main() -> int:
    with reachable_database() as url, serving(_HERE / "site", port=PORT) as site:
        hourhand(url, "migrate")
        set_up(url, _feeds(site))
        runs = _run(url, site)
        hourhand(url, "schedule", "apply", str(_HERE / "schedules.yaml"))
        _print_result(url, runs)
    return 0 if all(run.status == "completed" or _is_bad_input(run) for run in runs) else 1


def _feeds(site: str) -> Iterator[NewFeed]:
    yield NewFeed("rss", "Harbour News", f"{site}/harbour.xml")
    yield NewFeed("rss", "Moved away", f"{site}/moved.xml")
    yield NewFeed("youtube", "Mill Lane Workshop", f"{site}/channel.xml")
    if real := setting("HOURHAND_EXAMPLE_FEEDS"):
        yield NewFeed("rss", "Real", real)


def _run(url: str, site: str) -> list[RunRecord]:
    with Client() as client:
        first = client.enqueue(ingest_pull, limit=NEWEST)
        client.enqueue(ingest_pull_youtube, limit=NEWEST)
        client.enqueue(ingest_oneoff, url=f"{site}/bridge.html")
        client.enqueue(ingest_from_upload, path=str(_HERE / "uploads" / "council-minutes.txt"))
        client.enqueue(ingest_from_upload, path=str(_HERE / "uploads" / "lost.txt"))
        work(url, client, first.id, *_TASKS)
        client.enqueue(playbook_run, playbook="brief")
        return work(url, client, first.id, *_TASKS)


def _is_bad_input(run: RunRecord) -> bool:
    return run.status == "failed" and run.task.startswith(_READERS)


def _print_result(url: str, runs: Sequence[RunRecord]) -> None:
    with connect(url) as db:
        totals, brief = store.totals(db), store.latest_brief(db)
    print(f"{counted(len(runs), 'run')}, language by {language().name}:")
    print_tally(runs)
    print("\nWhat could not be read, and why:")
    print_failures(runs)
    print("\nRows in schema stories: " + ", ".join(f"{name} {count}" for name, count in totals.items()))
    print(f"\n{brief or 'There is no brief: no story is ready.'}")


if __name__ == "__main__":
    sys.exit(in_words(main))
