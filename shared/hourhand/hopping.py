"""Asynchronous faces of synchronous objects: each call hops through one of a few threads.

The transports are synchronous on purpose (one implementation, and supabase-py is faster so). A face lists
its methods once, `get = hopped(Runs.get)`, and keeps their signatures for type checkers and editors.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
B = TypeVar("B")
F = TypeVar("F")


class Threads:
    """A few threads of their own: each may hold a connection, so the event loop's pool would be too many."""

    def __init__(self, most: int = 4) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="hourhand-client")

    async def run(self, work: Callable[[], R]) -> R:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)

    def close(self) -> None:
        self._pool.shutdown(wait=False)


class Face(Generic[S]):
    """The asynchronous face of one synchronous object."""

    def __init__(self, behind: S, threads: Threads) -> None:
        self._behind = behind
        self._threads = threads

    def _facing(self, face: Callable[[B, Threads], F], behind: B) -> F:
        """The face of another object, on the same threads."""
        return face(behind, self._threads)


def hopped(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[Face[S], P], Coroutine[Any, Any, R]]:
    @functools.wraps(method)
    async def call(self: Face[S], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.run(lambda: method(self._behind, *args, **kwargs))

    return call
