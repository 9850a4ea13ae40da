"""The one poll that all streams of this process share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from hourhand import log
from hourhand_admin.web.closing import Closing

if TYPE_CHECKING:
    from hourhand.transport import Transport

EVERY = 1.0  # seconds
_AT_MOST_EVERY = 0.05
MOST_STREAMS = 200
MOST_RUNS = 500
"""That are watched at a time, over all streams."""

Changes = Mapping[str, Any]
"""An answer of `get_changes`."""


@dataclass(frozen=True, slots=True)
class _Question:
    runs: Mapping[int, int]
    topics: Iterable[str]
    answer: asyncio.Future[Changes | None]


class Hub:
    """Streams ask it what is new; all that ask before the next poll are answered by it.

    A stream that is still busy with the last answer does not ask, so nothing piles up for a slow one.
    It belongs to the thread of one event loop.
    """

    def __init__(self, transport: Transport, closing: Closing) -> None:
        self.streams = 0
        self.runs = 0
        self._transport = transport
        self.closing = closing
        self._waiting: list[_Question] = []
        self._at_once = False
        self._bell = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._last = float("-inf")
        self._failing = False

    @property
    def full(self) -> bool:
        return self.streams >= MOST_STREAMS or self.runs >= MOST_RUNS

    @contextmanager
    def place(self, runs: int) -> Iterator[None]:
        """That of one stream which watches so many runs."""
        self.streams += 1
        self.runs += runs
        try:
            yield
        finally:
            self.streams -= 1
            self.runs -= runs

    async def changes(
        self, runs: Mapping[int, int], topics: Iterable[str], *, at_once: bool = False
    ) -> Changes | None:
        """What the next poll finds: of these runs, each from after a line on, and of others too.

        None when the database did not answer, or the admin ends.
        """
        if self.closing.begun:
            return None
        answer: asyncio.Future[Changes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Question(runs, topics, answer))
        if at_once:
            self._at_once = True
            self._bell.set()
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        return await answer

    async def _poll(self) -> None:
        while self._waiting:
            await self._pause()
            self._last = monotonic()
            questions, self._waiting = self._waiting, []
            changes = None if self.closing.begun else await self._ask(questions)
            for question in questions:
                if not question.answer.done():
                    question.answer.set_result(changes)
            # Those that have nothing to tell ask again before this looks.
            await asyncio.sleep(0)

    async def _pause(self) -> None:
        rest = self._last + (_AT_MOST_EVERY if self._at_once else EVERY) - monotonic()
        if rest > 0 and not self._at_once:
            await self._rest(rest)
            rest = self._last + _AT_MOST_EVERY - monotonic()
        if rest > 0:
            await self.closing.wait(rest)
        self._at_once = False
        self._bell.clear()

    async def _rest(self, seconds: float) -> None:
        """Until the time is over, somebody is in a hurry, or the admin ends."""
        waits = {
            asyncio.create_task(self._bell.wait()),
            asyncio.create_task(self.closing.wait(seconds)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each

    async def _ask(self, questions: list[_Question]) -> Changes | None:
        wanted = {
            "p_runs": [{"id": run, "after": after} for run, after in _together(questions).items()],
            "p_topics": sorted({topic for question in questions for topic in question.topics}),
        }
        try:
            changes: Changes = await run_in_threadpool(self._transport.call, "get_changes", wanted)
        except Exception as error:  # noqa: BLE001  (streams wait for the answer, whatever it is)
            if not self._failing:
                log.event("admin.live", "WARNING", f"Live events wait for the database: {error}", error=error)
            self._failing = True
            return None
        self._failing = False
        return changes


def _together(questions: Iterable[_Question]) -> dict[int, int]:
    """Each run from after the first line that somebody lacks; whoever has more leaves out the rest."""
    runs: dict[int, int] = {}
    for question in questions:
        for run, after in question.runs.items():
            runs[run] = min(after, runs.get(run, after))
    return runs
