from tests.sql.test_backfill import *  # noqa: F403  (the same tests, by every way)
