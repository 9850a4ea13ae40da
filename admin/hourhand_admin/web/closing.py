"""Lets streams end when the admin does: an open one would hold it up."""

import asyncio


class Closing:
    """A flag that a signal handler may set and that streams wait for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self.begun = False

    def begin(self) -> None:
        """Call it in the thread of the event loop, from a signal handler too."""
        self.begun = True
        for future in tuple(self._waiting):
            future.get_loop().call_soon_threadsafe(_resolve, future)

    async def wait(self, seconds: float) -> bool:
        """Rests so long at most; whether the admin is about to end."""
        if self.begun:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._waiting.discard(future)
        return self.begun


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
