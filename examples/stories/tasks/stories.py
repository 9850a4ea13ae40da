"""Story analysis: which story a source belongs to, and what the story says."""

from datetime import timedelta

from examples.common.database import Connection, connect
from examples.common.language import language
from examples.common.text import likeness, vectors
from examples.stories import store
from examples.stories.payloads import SourceRef, StoryRef
from examples.stories.tasks.insights import extract_highlights
from hourhand import Cancel, Discard, Run, task
from hourhand.run import EnqueueOptions

SAME_STORY = 0.22  # likeness from which a source belongs to a story


@task("link-source-to-story", concurrency=1)  # two at once could each begin the same story
def link_source_to_story(ref: SourceRef, run: Run) -> dict[str, int | bool]:
    """Link a source to the story most like it, or begin a new story with it."""
    with connect() as db:
        source = store.find_source(db, ref.source_id)
        if source is None:
            raise Cancel("the source was deleted")
        known = source.story_id or _most_alike(db, source)
        story_id = known or store.add_story(db, source.title)
        store.link_source(db, source.id, story_id)
    run.enqueue(analyze_story, StoryRef(story_id=story_id), **_one_of(story_id, run))
    return {"story_id": story_id, "new": known is None}


@task("analyze-story", concurrency=10)
def analyze_story(ref: StoryRef, run: Run) -> dict[str, int]:
    """The full analysis of a story: its status, highlights and summary, each in a run of its own."""
    with connect() as db:
        sources = store.sources_of(db, ref.story_id)
    if not sources:
        raise Cancel("the story was deleted, or its sources went to another one")
    for each in (update_story_status, extract_highlights, summarize_story):
        run.enqueue(each, ref, **_one_of(ref.story_id, run))
    return {"sources": len(sources)}


@task("summarize-story", concurrency=5)
def summarize_story(ref: StoryRef, run: Run) -> dict[str, int | str]:
    """Summarise all that the sources of a story say."""
    with connect() as db:
        texts = [source.text or source.title for source in store.sources_of(db, ref.story_id)]
    told = language()
    summary = told.summary("\n".join(texts))
    if not summary:
        raise Discard("none of the story's sources has any text")
    with connect() as db:
        store.save_summary(db, ref.story_id, summary)
    run.enqueue(update_story_status, ref, **_one_of(ref.story_id, run))
    return {"characters": len(summary), "by": told.name}


@task("update-story-status", concurrency=10)
def update_story_status(ref: StoryRef) -> dict[str, str]:
    """Set the status of a story to what follows from its sources and summary: new, analyzing or ready."""
    with connect() as db:
        status = store.settle_status(db, ref.story_id)
    if status is None:
        raise Cancel("the story was deleted")
    return {"status": status}


def analyze_what_was_left(run: Run) -> None:
    """Analyse again, once an hour at most, what a language model that was away has left undone."""
    with connect() as db:
        left = store.left_behind(db)
    for story_id in left:
        options = _one_of(story_id, run)
        options["key"], options["key_ttl"] = f"story {story_id}", timedelta(hours=1)
        run.enqueue(analyze_story, StoryRef(story_id=story_id), **options)


def _most_alike(db: Connection, source: store.Source) -> int | None:
    stories = store.recent_stories(db)
    new, *known = vectors([f"{source.title}\n{source.text[:500]}", *(words for _, words in stories)])
    best = max(range(len(known)), key=lambda index: likeness(new, known[index]), default=None)
    return stories[best][0] if best is not None and likeness(new, known[best]) >= SAME_STORY else None


def _one_of(story_id: int, run: Run) -> EnqueueOptions:
    """One run at a time about each story."""
    # store.left_behind looks for this concurrency key.
    return {"key": f"after {run.id}", "concurrency_key": f"story:{story_id}"}
