from tests.sql.test_backfill import *  # noqa: F403  (the same tests, by every way)

# The limit of a call is no matter of the way, and costs as much as all others together.
del test_a_call_takes_ten_thousand_instants_and_no_more  # noqa: F821
