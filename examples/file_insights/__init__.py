"""Files in, insights out: rows of a table `processing_jobs` become runs, and end as rows of `insights`.

An INSERT in plain SQL starts the work; see README.md.
"""
