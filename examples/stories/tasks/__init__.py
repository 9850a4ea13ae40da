"""The seventeen tasks, by the sections of the seed:

    ingestion   ingest-pull, ingest-pull-youtube, ingest-oneoff, ingest-source, ingest-from-upload,
                ingest-from-youtube, fetch-content
    stories     link-source-to-story, analyze-story, summarize-story, update-story-status
    insights    extract-highlights, dedupe-insights, attach-insight-to-story, score-relevance
    briefs      generate-brief, playbook-run

All have hourhand's defaults, which are those of the seed: 4 attempts, the first retry after 1 s with
exponential backoff, 1 h for an attempt. A task may be run again at any point, so each one stores what it did
in one transaction, and what it triggers has a key that is the same at each attempt.
"""

from examples.stories.tasks import briefs, ingestion, insights, stories

__all__ = ["briefs", "ingestion", "insights", "stories"]
