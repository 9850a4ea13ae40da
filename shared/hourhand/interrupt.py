"""Imported first, Ctrl-C ends a program without a traceback also while its other modules are being loaded."""

import sys
from types import TracebackType

_before = sys.excepthook


def _say_nothing_of_it(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _before(kind, error, traceback)


sys.excepthook = _say_nothing_of_it
