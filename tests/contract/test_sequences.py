from tests.sql.test_sequences import *  # noqa: F403  (the same tests, by every way)
