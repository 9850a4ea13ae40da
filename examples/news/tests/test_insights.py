"""From clean news to insights: real tables, the local methods, and an endpoint that fails."""

from collections.abc import Callable
from itertools import product

import pytest

from examples.common.database import Connection
from examples.common.tests import endpoint
from examples.conftest import Python
from examples.news import insight_store
from examples.news.embeddings import Hashing, close, likeness
from examples.news.insight_tasks import analyze_news, embed_news, recompute_profile_insights
from examples.news.insights import Holding, Insight, News, insight, profile
from examples.news.setup import HOLDINGS, SEED_USER
from hourhand import Discard, Retry
from hourhand.testing import run_inline

TEXTS = ("Ferry and ship leave the harbour", "A train waits at the station signal", "Chestnuts are late")


@pytest.fixture
def news(db: Connection) -> Connection:
    db.execute("insert into news.sources (name, url) values ('a', '/a')")
    for text in TEXTS:
        db.execute(
            """
            with raw as (
              insert into news.raw_news (source_id, guid, title, link, author, content, published, cleaned_at)
              select id, %(text)s, '', '', '', '', '', now() from news.sources returning id
            )
            insert into news.clean_news (raw_id, title, text) select id, %(text)s, '' from raw
            """,
            {"text": text},
        )
    return db


def test_texts_that_share_words_are_alike_and_others_are_not() -> None:
    one, same, other, nothing = Hashing().vectors(
        ["a ferry in the harbour", "Harbour: ferry!", "chestnut harvest", ""]
    )
    assert likeness(one, same) > 0.5
    assert abs(likeness(one, other)) < 0.1
    assert likeness(nothing, one) == 0
    assert likeness(one, one) == pytest.approx(1)


def test_texts_without_a_word_in_common_are_not_about_the_same() -> None:
    method = Hashing()
    words = ["".join(letters) for letters in product("abcdefghijkl", repeat=3)]
    wanted = method.vectors([" ".join(words[:6])])[0]
    others = method.vectors([" ".join(words[start : start + 3]) for start in range(6, len(words), 3)])
    assert max(likeness(wanted, other) for other in others) < close(method)


def test_an_insight_names_the_closest_news_and_their_tone() -> None:
    holding = Holding("Ferries", "ferry", 1)
    news = [
        News(1, "Far", (0.0, 1.0), 0.9),
        News(2, "Near", (1.0, 0.0), -0.5),
        News(3, "New", (0.9, 0.1), None),
    ]
    found = insight(holding, (1.0, 0.0), news, 0.1)
    assert found == Insight(
        "Ferries", "2 pieces of news may concern Ferries, their tone is bad. The closest: Near", -0.5, [2, 3]
    )
    assert insight(holding, (1.0, 0.0), news[:2], 0.1).says == (
        "1 piece of news may concern Ferries, its tone is bad. The closest: Near"
    )
    assert insight(holding, (1.0, 0.0), [], 0.1).says == "Nothing in the news is about Ferries."


def test_a_profile_weighs_by_what_is_held() -> None:
    holdings = [Holding("a", "", 3), Holding("b", "", 1)]
    insights = [Insight("a", "", 0.4, [1]), Insight("b", "", None, [])]
    assert profile(holdings, insights) == {
        "shares": {"a": 0.75, "b": 0.25},
        "concentration": 0.625,
        "in_the_news": 0.75,
        "tone": 0.4,
    }


def test_each_job_keeps_its_limit_and_goes_on_where_it_stopped(news: Connection) -> None:
    assert [run_inline(embed_news, {"limit": 2}).result["embedded"] for _ in range(3)] == [2, 1, 0]
    assert [run_inline(analyze_news, {"limit": 2}).result["analysed"] for _ in range(3)] == [2, 1, 0]
    assert run_inline(recompute_profile_insights).result == {"holdings": 3, "concerned": 2}
    closest = {says.partition("The closest: ")[2] for _, says in insight_store.told(news)}
    assert closest == {TEXTS[0], TEXTS[1], ""}


def test_what_is_cleaned_again_is_embedded_again(news: Connection) -> None:
    run_inline(embed_news)
    news.execute(
        "update news.clean_news set cleaned_at = now() + interval '1 second' where title = %s", (TEXTS[2],)
    )
    assert run_inline(embed_news).result == {"embedded": 1}


@pytest.mark.parametrize(
    ("added", "chosen"),
    [((), SEED_USER), (("a@b.example", "my-seed@b.example"), SEED_USER)],
)
def test_the_seed_user_is_the_one_with_demo_or_seed_in_the_address(
    db: Connection, added: tuple[str, ...], chosen: str
) -> None:
    for email in added:
        insight_store.put_user(db, email, HOLDINGS)
    assert (insight_store.seed_user(db) or (0, ""))[1] == chosen
    db.execute("delete from news.users where email ~ 'demo|seed'")
    assert insight_store.seed_user(db) == ((2, "a@b.example") if added else None)


@pytest.mark.parametrize(("status", "outcome"), [(429, Retry), (503, Retry), (401, Discard)])
def test_an_endpoint_that_refuses_ends_the_run_with_its_reason_and_keeps_what_was_done(
    news: Connection, monkeypatch: pytest.MonkeyPatch, status: int, outcome: type
) -> None:
    answers: Callable[[str, str], str | endpoint.Refusal] = lambda instruction, text: (  # noqa: E731
        endpoint.Refusal(status, "not now", {"Retry-After": "7"}) if "Ferry" in text else "0.5"
    )
    with endpoint.serving() as model:
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        model.reply = answers
        asked = run_inline(analyze_news).asked
    assert isinstance(asked, outcome)
    assert f"answers {status}" in str(asked)
    assert insight_store.counts(news) == (0, 2)


def test_an_item_that_can_never_be_analysed_keeps_no_other_from_it(
    news: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(instruction: str, text: str) -> str | endpoint.Refusal:
        return endpoint.Refusal(400, "too long") if "Chestnuts" in text else "0.5"

    with endpoint.serving() as model:
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        model.reply = reply
        news.execute("update news.clean_news set text = title")
        asked = [run_inline(analyze_news).asked for _ in range(2)]
        assert isinstance(asked[0], Discard)  # the newest is the one that fails
        assert asked[1] is None
        assert insight_store.counts(news) == (0, 2)
        waits = []
        for _ in range(3):
            news.execute("update news.failures set again_at = now()")
            assert isinstance(run_inline(analyze_news).asked, Discard)
            row = news.execute("select extract(epoch from again_at - failed_at)::int from news.failures")
            waits += row.fetchall()
        assert waits == [(4 * 60,), (16 * 60,), (64 * 60,)]
        news.execute("update news.clean_news set cleaned_at = now()")  # they were corrected
        model.reply = lambda instruction, text: "0.5"
        assert run_inline(analyze_news).result == {"analysed": 3}
    assert news.execute("select from news.failures").fetchall() == []


def test_a_text_that_is_refused_keeps_no_other_from_being_embedded(
    news: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(instruction: str, text: str) -> str | endpoint.Refusal:
        return endpoint.Refusal(400, "too long") if "train" in text else "ok"

    with endpoint.serving() as model:
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        model.reply = reply
        asked = run_inline(embed_news).asked
        assert isinstance(asked, Discard)
        assert "answers 400: too long" in str(asked)
        assert insight_store.counts(news) == (1, 0)  # the newer one
        assert run_inline(embed_news).result == {"embedded": 1}
        assert run_inline(embed_news).result == {"embedded": 0}
        news.execute("update news.failures set again_at = now()")
        model.reply = lambda instruction, text: "ok"
        assert run_inline(embed_news).result == {"embedded": 1}
    assert news.execute("select from news.failures").fetchall() == []


@pytest.mark.slow
def test_the_sequence_runs_from_start_to_finish(supabase_url: str, python: Python) -> None:
    done = python("examples.news", HOURHAND_EXAMPLE_FEEDS="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 items, 21 cleaned, 21 embedded, 21 analysed." in done.stdout
    assert "completed  recompute-profile-insights: 3 holdings" in done.stdout
