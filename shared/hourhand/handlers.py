"""Handlers of signals: setting and restoring them, and those of a daemon that can't act upon signals yet."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import click

Handler = Callable[[int, FrameType | None], object]

_HARMLESS = ("SIGHUP", "SIGUSR1", "SIGUSR2")


def install(handlers: Mapping[str, Handler]) -> dict[int, Any]:
    """Set what this platform and thread allow, by name; what was there, by number."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    known = {number: handlers[name] for name in handlers if (number := getattr(signal, name, None))}
    return {number: signal.signal(number, handler) for number, handler in known.items()}


def restore(before: Mapping[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


@contextmanager
def early_signals(*, code: int = 0) -> Iterator[None]:
    """The first thing in the command of a daemon, before it imports what it needs.

    Until it sets its own handlers, TERM and INT end it in order with a sentence and this exit code, and HUP,
    USR1 and USR2, which would end it by themselves, do nothing.
    """
    before = install({**dict.fromkeys(_HARMLESS, _nothing), "SIGTERM": signal.default_int_handler})
    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):  # nobody reads it any more
            click.echo("Stopped, as it was told to.", err=True)
        raise SystemExit(code) from None
    finally:
        restore(before)


def _nothing(_number: int, _frame: FrameType | None) -> None: ...
