"""Many runs at once: their payloads in slices that one call can carry, or as lines for COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from pydantic_core import to_json

T = TypeVar("T")
R = TypeVar("R")

_MOST_BYTES = 4_000_000
_BLOCK = 500
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def chunks(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Slices of up to `most` items that one call can carry."""
    chunk: list[T] = []
    room = _MOST_BYTES
    for each in items:
        size = len(to_json(each))
        if chunk and (len(chunk) == most or size > room):
            yield chunk
            chunk, room = [], _MOST_BYTES
        chunk.append(each)
        room -= size
    if chunk:
        yield chunk


def in_turn(call: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The answers in order: one call at a time, and while it is under way the next item is made."""
    with ThreadPoolExecutor(1, thread_name_prefix="hourhand-bulk") as pool:
        under_way: Future[R] | None = None
        for item in items:
            if under_way is not None:
                yield under_way.result()
            under_way = pool.submit(call, item)
        if under_way is not None:
            yield under_way.result()


def copy_lines(payloads: Iterable[Any], same: Mapping[str, object]) -> Iterator[bytes]:
    """Blocks of lines in the text format of COPY: the payload first, then what is the same for all."""
    end = "".join(f"\t{str(value).translate(_ESCAPES)}" for value in same.values()).encode() + b"\n"
    lines: list[bytes] = []
    for payload in payloads:
        # JSON has no tabs and line ends as they are.
        lines.append(to_json(payload).replace(b"\\", rb"\\") + end)
        if len(lines) == _BLOCK:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)
