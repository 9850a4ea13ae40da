"""News from feeds: a first real workload for hourhand, with tables of its own (schema `news`).

The sequence `news` ingests, cleans, embeds, analyses, and says what it means for a user; see README.md.
"""
