from tests.sql.test_runs import *  # noqa: F403  (the same tests, by every way)
