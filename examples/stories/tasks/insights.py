"""Insights: what the sources of a story say that is worth telling, once each."""

from examples.common.database import connect
from examples.common.language import language
from examples.common.text import likeness, vectors
from examples.stories import store
from examples.stories.payloads import Attachment, InsightRef, StoryRef
from hourhand import Cancel, Run, task

HIGHLIGHTS = 3  # of each source
SAME_INSIGHT = 0.8  # likeness from which two insights say the same


@task("extract-highlights", concurrency=5)
def extract_highlights(ref: StoryRef, run: Run) -> dict[str, int | str]:
    """Extract the key highlights of the sources that have not been gone through yet."""
    with connect() as db:
        sources = store.sources_of(db, ref.story_id, highlighted=False)
    told, count = language(), 0
    for done, source in enumerate(sources):
        run.progress(done, len(sources), source.title)
        found = [(text, told.sentiment(text)) for text in told.highlights(source.text, HIGHLIGHTS)]
        with connect() as db:  # each for itself: another attempt goes on where this one stopped
            store.save_highlights(db, source.id, found)
        count += len(found)
    run.enqueue(dedupe_insights, ref, key=f"after {run.id}")
    return {"sources": len(sources), "highlights": count, "by": told.name}


@task("dedupe-insights", concurrency=1)  # two at once could each call the other's insight the first
def dedupe_insights(ref: StoryRef, run: Run) -> dict[str, int]:
    """Mark insights that say what an older one says, and attach the others to the story."""
    with connect() as db:
        duplicates = _duplicates(store.insights_to_compare(db))
        for insight_id, of in duplicates.items():
            store.mark_duplicate(db, insight_id, of)
        fresh = store.unattached(db, ref.story_id)
    for insight_id in fresh:
        payload = Attachment(insight_id=insight_id, story_id=ref.story_id)
        run.enqueue(attach_insight_to_story, payload, key=f"{run.id}/{insight_id}")
    return {"duplicates": len(duplicates), "fresh": len(fresh)}


@task("attach-insight-to-story", concurrency=10)
def attach_insight_to_story(attachment: Attachment, run: Run) -> None:
    """Link an insight to a story."""
    with connect() as db:
        if not store.attach(db, attachment.insight_id, attachment.story_id):
            raise Cancel("the insight or the story was deleted")
    run.enqueue(score_relevance, InsightRef(insight_id=attachment.insight_id), key=f"after {run.id}")


@task("score-relevance", concurrency=10)
def score_relevance(ref: InsightRef) -> dict[str, float]:
    """Score how much an insight has to do with the topics in `stories.interests`: from 0 to 1."""
    with connect() as db:
        insight = store.find_insight(db, ref.insight_id)
        if insight is None:
            raise Cancel("the insight was deleted")
        relevance = _relevance(insight.text, store.interests(db))
        store.save_relevance(db, insight.id, relevance)
    return {"relevance": relevance}


def _duplicates(insights: list[store.Insight]) -> dict[int, int]:
    """Insights (oldest first) that are new duplicates, and of which one."""
    points = vectors([insight.text for insight in insights])
    originals: list[int] = []
    found: dict[int, int] = {}
    for index, insight in enumerate(insights):
        if insight.duplicate_of is not None:
            continue
        same = next((i for i in originals if likeness(points[i], points[index]) >= SAME_INSIGHT), None)
        if same is None:
            originals.append(index)
        else:
            found[insight.id] = insights[same].id
    return found


def _relevance(text: str, topics: list[str]) -> float:
    point, *interests = vectors([text, *topics])
    return round(min(1.0, sum(likeness(point, interest) for interest in interests)), 3)
