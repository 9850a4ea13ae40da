from tests.sql.test_fleets import *  # noqa: F403  (the same tests, by every way)
