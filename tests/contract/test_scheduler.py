import pytest

from tests.contract.ways import DAEMON_WAYS
from tests.scheduler.test_scheduler import *  # noqa: F403  (the same tests, by every way)

pytestmark = pytest.mark.parametrize("place", DAEMON_WAYS, ids=str, indirect=True)

# How late a firing is depends on the way: `test_daemons` measures it.
del test_firing_is_on_time  # noqa: F821
