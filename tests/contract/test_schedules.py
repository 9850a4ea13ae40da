from tests.sql.test_schedules import *  # noqa: F403  (the same tests, by every way)
