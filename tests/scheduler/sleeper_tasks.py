"""What sleepers do in the tests: long enough to be seen side by side."""

import asyncio

from hourhand import task


@task("linger")
async def linger(item: str = "", rank: int = 0) -> None:
    await asyncio.sleep(0.1)
