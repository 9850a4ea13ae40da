"""News from feeds: a first real workload for hourhand, with tables of its own (schema `news`).

`ingest-rss` starts one `ingest-source` run per feed, each of which asks for `clean-news`; see README.md.
"""
