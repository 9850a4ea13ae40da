"""The tasks as they run: a real worker, a real database, pages and a language endpoint on the loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from examples.common.database import Connection
from examples.common.tests import endpoint as endpoints
from examples.common.tests.endpoint import Endpoint, Refusal
from examples.stories import store
from examples.stories.tasks.briefs import generate_brief, playbook_run
from examples.stories.tasks.ingestion import (
    fetch_content,
    ingest_from_upload,
    ingest_from_youtube,
    ingest_oneoff,
    ingest_pull,
    ingest_pull_youtube,
)
from examples.stories.tasks.stories import summarize_story
from examples.stories.tests.conftest import HERE, AddFeed, Work
from examples.stories.tests.own import TASKS
from hourhand import Client
from hourhand.errors import BadPayload


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with endpoints.serving() as endpoint:
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        yield endpoint


def errors(client: Client, task: str) -> list[str]:
    """Why runs of a task failed."""
    return sorted(str(run.error) for run in client.runs.list(task=task, status="failed"))


def test_all_seventeen_tasks_have_the_limits_of_the_seed() -> None:
    assert len(TASKS) == 17
    for task in TASKS:
        assert task.concurrency, task.name
        assert (task.max_attempts, task.timeout.total_seconds(), task.retry.first) == (4, 3600, 1.0)
        assert task.signature.schema, task.name


def test_the_schedules_name_tasks_and_payloads_that_exist() -> None:
    schedules = yaml.safe_load((HERE / "schedules.yaml").read_text("utf-8"))["schedules"]
    for schedule in schedules:
        TASKS.get(schedule["task"]).encode(schedule["payload"])
    crons = {schedule["task"]: schedule["cron"] for schedule in schedules}
    assert (crons["ingest-pull"], crons["ingest-pull-youtube"]) == ("*/5 * * * *", "0 */6 * * *")


def test_a_feed_becomes_stories_and_what_is_broken_fails_alone(
    client: Client, db: Connection, work: Work, site: str, add_feed: AddFeed
) -> None:
    add_feed(f"{site}/harbour.xml", name="Harbour")
    add_feed(f"{site}/moved.xml", name="Moved")
    client.enqueue(ingest_pull)
    work()
    assert errors(client, "ingest-pull") == ["Moved: this is a web page, not a feed: 'This feed has moved'"]
    assert errors(client, "fetch-content") == [f"{site}/empty.html: the page has no text"]
    told = {story.title: story for story in store.most_relevant(db, 10)}
    assert {story.sources for story in told.values()} == {1, 2}  # both articles about the ferry are one story
    library = told["Library opens a repair café"]
    assert "Zoë Brandão" in f"{library.summary} {library.insight}" or "café" in library.summary
    assert library.relevance > 0


def test_the_same_feed_again_triggers_nothing(
    client: Client, db: Connection, work: Work, site: str, add_feed: AddFeed
) -> None:
    add_feed(f"{site}/harbour.xml")
    client.enqueue(ingest_pull)
    work()
    before = store.totals(db)
    again = client.enqueue(ingest_pull)
    work()
    assert store.totals(db) == before
    (pull,) = client.runs.list(parent_id=again.id)
    assert client.runs.list(parent_id=pull.id) == []


def test_videos_are_what_is_said_in_them(
    client: Client, db: Connection, work: Work, site: str, add_feed: AddFeed
) -> None:
    add_feed(f"{site}/channel.xml", "youtube")
    client.enqueue(ingest_pull_youtube)
    work()
    (row,) = db.execute("select title, text from stories.sources where story_id is not null").fetchall()
    assert row[0] == "We rebuild the tide mill turbine"
    assert row[1].startswith("The turbine of the old tide mill has not turned for thirty years. We took out")
    assert errors(client, "ingest-from-youtube") == [
        f"{site}/watch-tour.html: the video has neither captions nor a description"
    ]


def test_a_saved_feed_is_taken_as_it_is(
    client: Client, db: Connection, work: Work, add_feed: AddFeed, tmp_path: Path
) -> None:
    feed = tmp_path / "saved.xml"
    feed.write_text(
        "<rss><channel><item><title>A</title><link>http://gone.example/a</link></item></channel></rss>"
    )
    client.enqueue(ingest_pull, feed_id=add_feed(str(feed)))
    work()
    assert client.runs.list(task="fetch-content") == []
    assert store.totals(db)["ready"] == 1


def test_one_page_is_one_source_whichever_way_it_comes(
    client: Client, db: Connection, work: Work, site: str, add_feed: AddFeed
) -> None:
    for url in (f"{site}/bridge.html", f"{site}/bridge.html?utm_source=letter", f"{site}/bridge.html#top"):
        client.enqueue(ingest_oneoff, url=url)
    work()
    assert store.totals(db)["sources"] == 1


def test_an_upload_joins_the_story_it_is_about(
    client: Client, db: Connection, work: Work, site: str, tmp_path: Path
) -> None:
    (tmp_path / "nothing.txt").write_bytes(b" \n")
    client.enqueue(ingest_oneoff, url=f"{site}/bridge.html")
    work()
    client.enqueue(ingest_from_upload, path=str(HERE / "uploads" / "council-minutes.txt"))
    client.enqueue(ingest_from_upload, path=str(tmp_path / "lost.txt"))
    client.enqueue(ingest_from_upload, path=str(tmp_path / "nothing.txt"))
    work()
    assert [story.sources for story in store.most_relevant(db, 5)] == [2]
    assert errors(client, "ingest-from-upload") == [
        f"{tmp_path}/lost.txt: this worker sees no such file",
        "nothing.txt: the file has no text",
    ]


def test_an_upload_is_called_by_its_first_line_and_taken_again_when_it_has_changed(
    client: Client, db: Connection, work: Work, tmp_path: Path
) -> None:
    path = tmp_path / "notes-3.txt"
    for text in ("Notes on the quay\n\nThe quay is wet.\n", "Notes on the quay\n\nThe quay is dry again.\n"):
        path.write_text(text)
        client.enqueue(ingest_from_upload, path=str(path))
        work()
    (story,) = store.most_relevant(db, 5)
    assert (story.title, story.summary) == ("Notes on the quay", "The quay is dry again.")
    assert store.totals(db)["insights"] == 2


def test_an_insight_that_was_told_before_is_a_duplicate(
    client: Client, db: Connection, work: Work, tmp_path: Path
) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("The swing bridge closes on Monday for six weeks.")
        client.enqueue(ingest_from_upload, path=str(tmp_path / name))
        work()
    totals = store.totals(db)
    assert (totals["insights"], totals["duplicates"]) == (1, 1)


def test_a_playbook_is_a_sequence(client: Client, db: Connection, work: Work, site: str) -> None:
    client.enqueue(ingest_oneoff, url=f"{site}/bridge.html")
    work()
    handle = client.enqueue(playbook_run, playbook="brief")
    work()
    sequence = client.runs.get(handle.result(timeout=5)["sequence"])
    assert sequence.parent_id == handle.id
    assert (sequence.status, sequence.result["succeeded"]) == ("completed", 1)
    assert "## Swing bridge closes for repairs" in str(store.latest_brief(db))


def test_what_is_not_there_is_said_in_words(client: Client, work: Work) -> None:
    handles = {
        "there is no playbook 'none' in stories.playbooks": client.enqueue(playbook_run, playbook="none"),
        "no story is ready: pull some feeds first (task ingest-pull)": client.enqueue(generate_brief),
        "the feed was deleted": client.enqueue(ingest_pull, feed_id=99),
        "the source was deleted": client.enqueue(fetch_content, source_id=99),
    }
    work()
    for reason, handle in handles.items():
        run = handle.run()
        assert (run.error, run.attempt) == (reason, 1)
        assert run.status in ("failed", "cancelled")


def test_a_payload_that_does_not_fit_is_refused_at_once(client: Client) -> None:
    with pytest.raises(BadPayload, match="url: Input should be a valid URL"):
        client.enqueue(ingest_oneoff, url="/etc/passwd")
    with pytest.raises(BadPayload, match="limit"):
        client.enqueue(ingest_pull, limit=0)


def test_a_model_writes_what_is_local_otherwise(
    client: Client, db: Connection, work: Work, site: str, endpoint: Endpoint
) -> None:
    answers = {"Summarise": "In short: closed.", "Give": "- It is closed.", "How": "-0.4"}
    endpoint.reply = lambda instruction, text: answers[instruction.split()[0]]
    client.enqueue(ingest_oneoff, url=f"{site}/bridge.html")
    work()
    (story,) = store.most_relevant(db, 5)
    assert (story.summary, story.insight) == ("In short: closed.", "It is closed.")
    assert round(story.sentiment, 3) == -0.4


def test_a_rate_limit_is_tried_four_times_and_then_fails_with_its_reason(
    client: Client, db: Connection, work: Work, site: str, endpoint: Endpoint
) -> None:
    def reply(instruction: str, text: str) -> str | Refusal:
        if instruction.startswith("Summarise"):
            return Refusal(429, "slow down", {"Retry-After": "0"})
        return "0.5"

    endpoint.reply = reply
    client.enqueue(ingest_oneoff, url=f"{site}/bridge.html")
    work()
    (run,) = client.runs.list(task=summarize_story.name)
    assert (run.status, run.attempt) == ("failed", 4)
    (reason,) = errors(client, "summarize-story")
    assert reason.startswith(f"the language endpoint {endpoint.url} answers 429: ")
    assert "slow down" in reason
    assert store.totals(db)["insights"] == 1  # the rest went on

    endpoint.reply = lambda instruction, text: "0.5"
    for _ in range(2):
        client.enqueue(ingest_pull)
        work()
    assert store.totals(db)["ready"] == 1
    (*_, again) = client.runs.list(task=summarize_story.name, status="completed")
    assert again.attempt == 1
    assert len(client.runs.list(task="analyze-story")) == 2  # what is done is not left behind


def test_a_video_of_which_nothing_is_known_is_not_stored(
    client: Client, db: Connection, work: Work, site: str
) -> None:
    client.enqueue(ingest_from_youtube, url=f"{site}/watch-tour.html")
    work()
    assert store.totals(db)["sources"] == 0
