"""The tasks as they run: a real worker, a real database, a site and a language endpoint on the loopback."""

from collections.abc import Iterator

import pytest

from examples.brand_tracking import store
from examples.brand_tracking.setup import QUERIES
from examples.brand_tracking.site import PAGES, best_page
from examples.brand_tracking.tasks import data_collection, data_collection_and_scoring, scoring
from examples.brand_tracking.tests.conftest import Work
from examples.common.database import Connection
from examples.common.tests import endpoint as endpoints
from examples.common.tests.endpoint import Endpoint, Refusal
from hourhand import Client
from hourhand.testing import fire_due

FJORD = {"brand": "Fjordkaffe"}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with endpoints.serving() as endpoint:
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        yield endpoint


def standing(db: Connection, brand: str = "Fjordkaffe") -> store.Standing:
    return next(each for each in store.standings(db) if each.brand == brand)


def test_a_schedule_collects_an_answer_to_each_query_and_scores_the_brand(
    client: Client, db: Connection, work: Work, site: str
) -> None:
    client.schedules.create("track", data_collection_and_scoring, payload=FJORD, every=3600)
    db.execute("update hourhand.scheduled_jobs set next_run_at = now() where name = 'track'")
    fire_due(client)
    work()
    (run,) = client.runs.list(schedule="track")
    assert client.runs.get(run.id).result == {
        "queries": 4,
        "answered_by": site,
        "scored": 4,
        "present": 2,
    }
    found = standing(db)
    assert (found.answers, found.present, found.position) == (4, 2, 1.5)
    assert found.sentiment is not None
    assert found.sentiment > 0.5


def test_the_two_halves_can_be_run_alone(client: Client, db: Connection, work: Work, site: str) -> None:
    client.enqueue(data_collection, FJORD)
    work()
    assert store.standings(db) == []
    first = client.enqueue(scoring, FJORD)
    work()
    again = client.enqueue(scoring, FJORD)
    work()
    assert first.result(timeout=5) == {"scored": 4, "present": 2}
    assert again.result(timeout=5) == {"scored": 0, "present": 0}


def test_only_active_queries_are_asked(client: Client, db: Connection, work: Work, site: str) -> None:
    db.execute("update brand_tracking.generated_queries set is_active = false where query <> %s", QUERIES[:1])
    client.enqueue(data_collection_and_scoring, FJORD)
    work()
    assert standing(db).answers == 1


@pytest.mark.parametrize(
    ("brand", "reason"),
    [
        ("Quiet Roasters", "brand has no active queries: Quiet Roasters"),
        ("Nobody", "there is no brand 'Nobody': known are Fjordkaffe, Kestrel & Sons, Montebruno, Quiet Roa"),
    ],
)
def test_a_brand_that_can_not_be_tracked_fails_once_and_says_why(
    client: Client, work: Work, brand: str, reason: str
) -> None:
    handle = client.enqueue(data_collection_and_scoring, brand=brand)
    work()
    run = handle.run()
    assert (run.status, run.attempt) == ("failed", 1)
    assert str(run.error).startswith(reason)


def test_without_anybody_to_ask_it_says_what_to_set(
    client: Client, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRAND_TRACKING_SITE", raising=False)
    handle = client.enqueue(data_collection, FJORD)
    work()
    assert "set OPENAI_API_KEY or GEMINI_API_KEY for a language model" in str(handle.run().error)


def test_what_was_answered_is_not_asked_again(
    client: Client, db: Connection, work: Work, endpoint: Endpoint
) -> None:
    refusals = iter([True, True])

    def reply(instruction: str, text: str) -> str | Refusal:
        if text == QUERIES[2] and next(refusals, False):
            return Refusal(503, "overloaded", {"Retry-After": "0"})
        return "0.9" if "number" in instruction else "Fjordkaffe, of course."

    endpoint.reply = reply
    handle = client.enqueue(data_collection_and_scoring, FJORD)
    work()
    run = handle.run()
    assert (run.status, run.attempt) == ("completed", 3)
    assert [text for text in endpoint.asked if text in QUERIES] == [
        *QUERIES[:3],
        *QUERIES[2:3] * 2,
        QUERIES[3],
    ]
    assert standing(db).present == 4
    assert standing(db).sentiment == pytest.approx(0.9)


def test_a_rate_limit_that_stays_fails_with_its_reason_and_other_brands_go_on(
    client: Client, db: Connection, work: Work, endpoint: Endpoint
) -> None:
    endpoint.reply = lambda instruction, text: Refusal(429, "quota exceeded", {"Retry-After": "0"})
    handle = client.enqueue(data_collection, FJORD)
    work()
    run = handle.run()
    assert (run.status, run.attempt) == ("failed", 4)
    assert f"the language endpoint {endpoint.url} answers 429: " in str(run.error)
    endpoint.reply = lambda instruction, text: "Montebruno."
    other = client.enqueue(data_collection, brand="Montebruno")
    work()
    assert other.status() == "completed"


def test_an_endpoint_that_stays_down_is_tried_four_times_and_then_fails_with_its_reason(
    client: Client, db: Connection, work: Work, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    handle = client.enqueue(data_collection, FJORD)
    states = []
    for _ in range(4):
        db.execute("update hourhand.job_runs set run_at = now(), claim_at = now() where status = 'pending'")
        work()
        states.append(handle.status())
    assert states == ["pending", "pending", "pending", "failed"]
    assert "the language endpoint http://127.0.0.1:9/v1 can't be reached: " in str(handle.run().error)


def test_a_question_that_no_page_answers_fails_with_its_address(
    client: Client, db: Connection, work: Work, site: str
) -> None:
    store.put_brand(db, "Fjordkaffe", (), ["zyzzyva"])
    handle = client.enqueue(data_collection, FJORD)
    work()
    assert f"{site}/answer?q=zyzzyva answers 404" in str(handle.run().error)
    assert store.answered(db, handle.id) != set()  # what was answered before is kept


def test_a_page_answers_what_it_is_about() -> None:
    assert best_page("How should coffee beans be stored?") == PAGES / "storing.html"
    assert best_page("") is None
