"""Companies that people watch: their job pages are read by rank, and what suits whom is saved.

`company-watch` is a fleet schedule; each company that is due gets a run of `scrape-company`. See README.md.
"""
