"""The tasks: collect an answer to each active query of a brand, and score how the brand does in them.

    data-collection             ask each active query
    scoring                     score what has not been scored
    data-collection-and-scoring both, as the schedule of a brand does

A run that is tried again asks only what has no answer yet.
"""

from examples.brand_tracking import store
from examples.brand_tracking.answers import source_of_answers
from examples.brand_tracking.payloads import Brand
from examples.brand_tracking.scoring import score
from examples.common.database import connect
from examples.common.language import language
from hourhand import Discard, Run, task

BRANDS_AT_ONCE = 3  # over all workers: whoever answers is asked politely


@task("data-collection", concurrency=BRANDS_AT_ONCE)
def data_collection(brand: Brand, run: Run) -> dict[str, int | str]:
    """Collect an answer to each active query of a brand."""
    return _collect(_find(brand.brand), run)


@task("scoring", concurrency=BRANDS_AT_ONCE)
def scoring(brand: Brand, run: Run) -> dict[str, int | float]:
    """Score presence, position and sentiment of a brand in the answers that have no score yet."""
    return _score(_find(brand.brand), run)


@task("data-collection-and-scoring", concurrency=BRANDS_AT_ONCE)
def data_collection_and_scoring(brand: Brand, run: Run) -> dict[str, int | float | str]:
    """Collect an answer to each active query of a brand, and score the brand in them."""
    found = _find(brand.brand)
    return {**_collect(found, run), **_score(found, run)}


def _find(name: str) -> store.Brand:
    with connect() as db:
        brands = {brand.name: brand for brand in store.brands(db)}
    if name not in brands:
        raise Discard(f"there is no brand {name!r}: known are {', '.join(brands) or 'none'}")
    return brands[name]


def _collect(brand: store.Brand, run: Run) -> dict[str, int | str]:
    with connect() as db:
        queries = store.active_queries(db, brand.id)
        done = store.answered(db, run.id)
    if not queries:
        raise Discard(f"brand has no active queries: {brand.name}")
    answered_by, ask = source_of_answers()
    for number, query in enumerate(queries):
        run.progress(number, len(queries), query.query)
        if query.id not in done:
            answer = ask(query.query)
            with connect() as db:
                store.save_answer(db, run.id, query.id, answered_by, answer)
    return {"queries": len(queries), "answered_by": answered_by}


def _score(brand: store.Brand, run: Run) -> dict[str, int | float]:
    with connect() as db:
        answers = store.unscored(db, brand.id)
        others = [other.names for other in store.brands(db) if other.id != brand.id]
    told, present = language(), 0
    for answer in answers:
        scored = score(answer.answer, brand.names, others, told.sentiment)
        with connect() as db:
            store.save_score(db, answer.id, brand.id, scored)
        present += scored.present
    run.log.info("{} is named in {} of {} answers", brand.name, present, len(answers))
    return {"scored": len(answers), "present": present}
