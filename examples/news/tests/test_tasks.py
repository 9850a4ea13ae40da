"""The tasks as they run: a real worker, a real database, files and a web server on the loopback."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.common.database import Connection
from examples.news import store
from examples.news.tasks import clean_news, ingest_feed, ingest_rss
from examples.news.tests.web import Answer, Web, unchanged_since
from hourhand import Client, Run
from hourhand.client import Handle, OnConflict
from hourhand.records import RunRecord
from hourhand.run import Child, EnqueueOptions
from hourhand.tasks import Task
from hourhand.testing import drain

Work = Callable[[], Counter[str]]

RSS = b"<rss version='2.0'><channel><item><title>One</title><guid>1</guid></item></channel></rss>"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture
def work(client: Client) -> Work:
    """Lets a worker do all that can be done now."""
    return lambda: drain(client, [ingest_rss, ingest_feed, clean_news])


def add_source(db: Connection, name: str, place: object) -> int:
    store.put_source(db, name, str(place))
    return next(source.id for source in store.enabled_sources(db) if source.name == name)


def ingested(client: Client) -> dict[str, RunRecord]:
    """The runs of single feeds, by the last part of their place."""
    runs = client.runs.list(task="ingest-feed", limit=500)
    return {Path(run.payload["location"]).name: run for run in map(client.runs.get, [run.id for run in runs])}


def failures(client: Client) -> dict[str, str]:
    return {name: str(run.error) for name, run in ingested(client).items() if run.status == "failed"}


def test_every_feed_of_a_directory_is_a_run_and_only_the_broken_one_fails(
    db: Connection, client: Client, work: Work, own_feeds: Path
) -> None:
    add_source(db, "own", own_feeds)
    handle = client.enqueue(ingest_rss)
    work()
    assert handle.result() == {"sources": 1, "feeds": 11}
    runs = ingested(client)
    assert len(runs) == 11
    assert {run.parent_id for run in runs.values()} == {handle.id}
    assert {name for name, run in runs.items() if run.status == "completed"} == runs.keys() - {
        "moved-away.xml"
    }
    broken = runs["moved-away.xml"]
    assert (broken.status, broken.attempt) == ("failed", 1)
    assert str(broken.error).endswith("moved-away.xml: this is a web page, not a feed: 'We have moved'")
    assert store.totals(db) == (21, 21)


def test_real_feeds_become_clean_news(db: Connection, client: Client, work: Work, real_feeds: Path) -> None:
    add_source(db, "real", real_feeds)
    client.enqueue(ingest_rss)
    work()
    assert failures(client).keys() == {"unrecognized.rss", "incomplete-fields.atom"}
    assert store.totals(db) == (276, 276)
    assert not store.has_uncleaned(db)


def test_the_same_feeds_again_bring_nothing_new(
    db: Connection, client: Client, work: Work, own_feeds: Path
) -> None:
    add_source(db, "own", own_feeds)
    client.enqueue(ingest_rss)
    work()
    before = db.execute("select id, cleaned_at from news.clean_news order by id").fetchall()
    client.enqueue(ingest_rss)
    work()
    assert db.execute("select id, cleaned_at from news.clean_news order by id").fetchall() == before


def test_feeds_share_a_run_that_cleans_what_they_bring(
    db: Connection, client: Client, own_feeds: Path
) -> None:
    source = add_source(db, "own", own_feeds)
    parent, beside = client.enqueue(ingest_rss), Beside(client)

    def ingest(name: str) -> None:
        run = client.enqueue(ingest_feed, {"source_id": source}, parent_id=parent.id).run()
        ingest_feed(beside.run(run), source_id=source, location=str(own_feeds / name))

    ingest("harbour-gazette.xml")
    ingest("signal-box.xml")
    drain(client, [clean_news])
    ingest("tide-journal.xml")  # what was asked for has begun without it
    drain(client, [clean_news])
    assert [child.outcome for child in beside.children] == ["created", "replaced", "existing", "created"]
    assert store.totals(db) == (8, 8)


def test_cleaning_goes_on_in_batches_until_all_is_clean(
    db: Connection, client: Client, work: Work, own_feeds: Path
) -> None:
    source = add_source(db, "own", own_feeds / "harbour-gazette.xml")
    client.enqueue(ingest_feed, {"source_id": source, "clean_limit": 1})
    work()
    runs = [client.runs.get(run.id) for run in client.runs.list(task="clean-news")]
    assert [run.result for run in runs] == [{"cleaned": 1}] * 3
    newest, middle, oldest = runs
    assert (newest.parent_id, middle.parent_id) == (middle.id, oldest.id)
    assert store.totals(db) == (3, 3)


def test_an_unchanged_document_is_asked_for_but_not_stored_again(
    db: Connection, client: Client, work: Work, web: Web
) -> None:
    web.answers["/feed"] = unchanged_since('"v1"', "Mon", Answer(RSS))
    add_source(db, "web", web.url("/feed"))
    for _ in range(2):
        client.enqueue(ingest_rss)
        work()
    assert [headers.get("If-None-Match") for _, headers in web.asked] == [None, '"v1"']
    assert store.totals(db) == (1, 1)


def test_a_broken_document_does_not_count_as_seen(
    db: Connection, client: Client, work: Work, web: Web
) -> None:
    web.answers["/feed"] = unchanged_since('"v1"', "Mon", Answer(b"<html><title>Maintenance</title></html>"))
    add_source(db, "web", web.url("/feed"))
    for _ in range(2):
        client.enqueue(ingest_rss)
        work()
    assert [headers.get("If-None-Match") for _, headers in web.asked] == [None, None]
    assert failures(client) == {"feed": f"{web.url('/feed')}: this is a web page, not a feed: 'Maintenance'"}


def test_a_failed_fetch_is_tried_again(db: Connection, client: Client, work: Work, web: Web) -> None:
    answers = iter([Answer(status=503, headers={"Retry-After": "0"}), Answer(RSS)])
    web.answers["/feed"] = lambda _: next(answers)
    add_source(db, "web", web.url("/feed"))
    client.enqueue(ingest_rss)
    work()
    run = ingested(client)["feed"]
    assert (run.status, run.attempt) == ("completed", 2)
    assert store.totals(db) == (1, 1)


def test_a_fetch_that_keeps_failing_ends_as_failed_and_the_others_go_on(
    db: Connection, client: Client, work: Work, web: Web
) -> None:
    web.answers["/down"] = Answer(status=500, headers={"Retry-After": "0"})
    web.answers["/up"] = Answer(RSS)
    add_source(db, "down", web.url("/down"))
    add_source(db, "missing", "/nowhere/feeds")
    add_source(db, "up", web.url("/up"))
    client.enqueue(ingest_rss)
    work()
    assert failures(client) == {
        "down": f"{web.url('/down')} answers 500 Internal Server Error",
        "feeds": "/nowhere/feeds is no http(s) address, and this worker sees no such file or directory",
    }
    assert {name: run.attempt for name, run in ingested(client).items()} == {"down": 3, "feeds": 1, "up": 1}
    assert store.totals(db) == (1, 1)


def test_a_host_is_asked_for_one_feed_at_a_time(db: Connection, client: Client, work: Work, web: Web) -> None:
    asking, alone_each_time = threading.Semaphore(1), list[bool]()

    def answer(_: object) -> Answer:
        alone = asking.acquire(blocking=False)
        alone_each_time.append(alone)
        threading.Event().wait(0.1)  # long enough for the others to come, if they may
        if alone:
            asking.release()
        return Answer(RSS)

    for number in range(4):
        web.answers[f"/{number}"] = answer
        add_source(db, str(number), web.url(f"/{number}"))
    client.enqueue(ingest_rss)
    work()
    assert alone_each_time == [True] * 4


def test_an_article_that_was_corrected_is_corrected_here(
    db: Connection, client: Client, work: Work, web: Web
) -> None:
    add_source(db, "web", web.url("/feed"))
    for body in (RSS, RSS.replace(b"One", b"Uno")):
        web.answers["/feed"] = Answer(body)
        client.enqueue(ingest_rss)
        work()
    assert db.execute("select title from news.clean_news").fetchall() == [("Uno",)]


def test_a_deleted_source_cancels_its_run(client: Client, work: Work) -> None:
    handle = client.enqueue(ingest_feed, {"source_id": 12345})
    work()
    assert (handle.status(), handle.run().error) == ("cancelled", "the source was deleted")


def test_a_limit_out_of_range_is_refused_at_once(client: Client) -> None:
    with pytest.raises(Exception, match="limit: Input should be"):
        client.enqueue(clean_news, {"limit": 0})


class Beside:
    """Lets a task be called beside the worker, as an attempt of a run that was already there."""

    def __init__(self, client: Client, *, lost: bool = False) -> None:
        self._client = client
        self._lost = lost
        self.children: list[Handle] = []

    def run(self, run: RunRecord) -> Run:
        return Run(run.model_dump(mode="json"), self)

    def log(self, run: Run, level: str, message: str) -> None: ...

    def progress(self, run: Run, progress: object) -> None: ...

    def advance(self, run: Run) -> dict[str, Any]:
        raise AssertionError("only sequences do that")

    def enqueue(
        self, run: Run, task: Task[..., Any] | str, payload: object, options: EnqueueOptions
    ) -> Child:
        if self._lost:
            raise ConnectionError("the worker was killed here")
        conflict: OnConflict = "replace" if options.get("on_conflict") == "replace" else "existing"
        child = self._client.enqueue(
            task, payload, parent_id=run.id, key=options.get("key"), on_conflict=conflict
        )
        self.children.append(child)
        return Child(child.id, child.outcome)


def test_a_task_that_is_run_again_enqueues_nothing_twice(
    db: Connection, client: Client, work: Work, own_feeds: Path
) -> None:
    add_source(db, "own", own_feeds)
    first = client.enqueue(ingest_rss)
    beside = Beside(client)
    ingest_rss(beside.run(first.run()))  # an attempt whose "done" got lost
    work()
    assert {child.outcome for child in beside.children} == {"created"}
    assert len(ingested(client)) == len(client.runs.list(task="ingest-feed", limit=500)) == 11


def test_what_was_stored_by_a_lost_attempt_is_still_cleaned(
    db: Connection, client: Client, work: Work, tmp_path: Path, own_feeds: Path
) -> None:
    feed = shutil.copy(own_feeds / "harbour-gazette.xml", tmp_path)
    source = add_source(db, "own", feed)
    run = client.enqueue(ingest_feed, {"source_id": source})

    with pytest.raises(ConnectionError):
        ingest_feed(Beside(client, lost=True).run(run.run()), source_id=source)
    assert store.totals(db) == (3, 0)
    work()
    assert run.result() == {"new": 0, "changed": 0, "skipped": 0}
    assert store.totals(db) == (3, 3)
