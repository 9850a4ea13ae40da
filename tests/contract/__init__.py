"""The contract: the same tests by every way to the database, and on every version of Postgres.

Each module here is one topic of it. The ways are in `ways`; `conftest` brings the fixtures.
"""
