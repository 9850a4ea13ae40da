import pytest

from tests.contract.ways import DAEMON_WAYS
from tests.worker.test_running import *  # noqa: F403  (the same tests, by every way)

pytestmark = pytest.mark.parametrize("place", DAEMON_WAYS, ids=str, indirect=True)
