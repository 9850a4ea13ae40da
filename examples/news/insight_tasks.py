"""The tasks after `clean-news`: `embed-news`, `analyze-news` and `recompute-profile-insights`.

Their limits bound what a run asks of a model; what is left waits for the next one.
"""

from examples.common.database import Connection, connect
from examples.common.language import language
from examples.news import insight_store as store
from examples.news.embeddings import Embedder, close, embedder
from examples.news.insights import insight, profile
from examples.news.limits import ANALYZE_LIMIT, EMBED_LIMIT, Limit
from hourhand import Cancel, Discard, RetryPolicy, Run, task

AGAIN = RetryPolicy(first=5, factor=4)  # for a model that does not answer, or asks for patience


@task("embed-news", max_attempts=3, timeout=300, retry=AGAIN)
def embed_news(limit: Limit = EMBED_LIMIT) -> dict[str, int]:
    """Make vectors of up to `limit` clean items."""
    method = embedder()
    try:
        return {"embedded": _embed(method, limit)}
    except Discard:
        # One text that is refused fails the whole batch: alone it is found, put off, and told.
        return {"embedded": sum(_embed(method, 1) for _ in range(limit))}


@task("analyze-news", max_attempts=3, timeout=600, retry=AGAIN)
def analyze_news(run: Run, limit: Limit = ANALYZE_LIMIT) -> dict[str, int]:
    """Summarise up to `limit` clean items and judge their tone. Each is stored at once.

    One that can't be analysed ends the attempt; the next one begins with the others.
    """
    done = 0
    while done < limit and not run.cancelled and _analysed_one():
        done += 1
        run.progress(done, limit)
    return {"analysed": done}


@task("recompute-profile-insights", max_attempts=3, timeout=120, retry=AGAIN)
def recompute_profile_insights(run: Run) -> dict[str, int]:
    """Work out the profile of the seed user, and what the news mean for what that user holds."""
    method = embedder()
    with connect() as db:
        user = store.seed_user(db)
        if user is None:
            raise Cancel("there is no user: add one with `python -m examples.news.setup`")
        user_id, email = user
        holdings = store.holdings_of(db, user_id)
        news = store.embedded_news(db, method.embedding_name)
    wanted = method.vectors([holding.about for holding in holdings])
    insights = [
        insight(one, vector, news, close(method)) for one, vector in zip(holdings, wanted, strict=True)
    ]
    with connect() as db:
        store.save_insights(db, user_id, profile(holdings, insights), insights)
    run.log.info("{}: {} holdings, {} news", email, len(holdings), len(news))
    return {"holdings": len(holdings), "concerned": sum(bool(each.clean_ids) for each in insights)}


def _embed(method: Embedder, limit: int) -> int:
    with connect() as db:
        items = store.take_unembedded(db, method.embedding_name, limit)
        try:
            vectors = method.vectors([f"{item.title}\n{item.text}" for item in items])
        except Discard as fault:
            if limit == 1:
                store.put_off(db, embed_news.name, items[0].id, str(fault))
                db.commit()
            raise
        for item, vector in zip(items, vectors, strict=True):
            store.save_embedding(db, item.id, method.embedding_name, vector)
    return len(items)


def _analysed_one() -> bool:
    with connect() as db:
        item = store.take_unanalysed(db)
        if item is None:
            return False
        try:
            _analyse(db, item)
        except Exception as fault:
            # Else it would be the first of the next run too, and of all after that.
            store.put_off(db, analyze_news.name, item.id, str(fault) or type(fault).__name__)
            db.commit()
            raise
    return True


def _analyse(db: Connection, item: store.CleanItem) -> None:
    method = language()
    summary = method.summary(item.text) if item.text else item.title
    sentiment = method.sentiment(f"{item.title}\n{item.text}")
    store.save_analysis(db, item.id, method.name, summary, sentiment)
