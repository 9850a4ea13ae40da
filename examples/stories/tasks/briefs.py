"""Briefs and playbooks: what comes out in the end, and several tasks as one order."""

from collections.abc import Sequence

from examples.common.database import connect
from examples.stories import store
from examples.stories.payloads import BriefOrder, PlaybookOrder
from hourhand import Discard, Run, sequence, task

_MOODS = ((0.3, "good news"), (-0.3, "mixed"), (-1.0, "bad news"))


@task("generate-brief", concurrency=2)
def generate_brief(order: BriefOrder, run: Run) -> dict[str, int]:
    """Write an executive brief (Markdown) of the most relevant stories that are ready."""
    with connect() as db:
        stories = store.most_relevant(db, order.stories)
        if not stories:
            raise Discard("no story is ready: pull some feeds first (task ingest-pull)")
        brief_id = store.save_brief(db, run.id, order.title, _brief(order.title, stories))
    return {"brief_id": brief_id, "stories": len(stories)}


@task("playbook-run", concurrency=2)
def playbook_run(order: PlaybookOrder, run: Run) -> dict[str, int]:
    """Run the steps of a playbook one after the other, as a sequence of hourhand."""
    with connect() as db:
        steps = store.find_playbook(db, order.playbook)
    if steps is None:
        raise Discard(f"there is no playbook {order.playbook!r} in stories.playbooks")
    child = run.enqueue(sequence.NAME, {"steps": steps}, key=f"after {run.id}")
    return {"steps": len(steps), "sequence": child.id}


def _brief(title: str, stories: Sequence[store.Told]) -> str:
    return "\n".join([f"# {title}", *map(_paragraph, stories)])


def _paragraph(story: store.Told) -> str:
    mood = next(word for least, word in _MOODS if story.sentiment >= least)
    sources = "1 source" if story.sources == 1 else f"{story.sources} sources"
    quote = f"\n> {story.insight}\n" if story.insight and story.insight not in story.summary else ""
    return (
        f"\n## {story.title}\n\n{story.summary}\n{quote}\n{sources}, {mood}, relevance {story.relevance:.2f}"
    )
