"""Child processes that do not outlive this one."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from hourhand.embedded import launch

SAME: Final = "same"
NAMESPACE: Final = "namespace"


def bound_command(
    command: Sequence[str], *, ended_by: signal.Signals = signal.SIGTERM, identity: str = SAME
) -> list[str]:
    """`command`, such that the kernel sends it `ended_by` when the thread that starts it ends.

    Start it from the main thread. `command[0]` is a path. The process id stays that of the program started.
    Only Linux can do this; elsewhere the command comes back as it is.
    """
    if sys.platform != "linux":
        return list(command)
    launcher = [sys.executable, "-I", "-S", launch.__file__]
    return [*launcher, str(ended_by.value), str(os.getpid()), identity, *command]
