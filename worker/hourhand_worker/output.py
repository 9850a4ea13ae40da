"""What a task prints in a process of its own, made lines of the run's log."""

from collections import deque
from collections.abc import Callable

MOST_BYTES = 1_000_000
MOST_LINES = 5_000
MOST_BYTES_A_LINE = 8 * 1024
LAST_WORDS = 30

Write = Callable[[str, str], None]


class Output:
    """Takes any amount and keeps little: the first lines go to `write` (level, text), the rest nowhere.

    `last_words` are the last lines that came from where errors are written, for a process that dies.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._begun: dict[str, bytes] = {}  # by level, a line that is not here completely
        self._bytes = self._lines = 0
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)

    def feed(self, level: str, data: bytes) -> None:
        *lines, begun = (self._begun.get(level, b"") + data).split(b"\n")
        if len(begun) > MOST_BYTES_A_LINE:
            lines, begun = [*lines, begun], b""
        self._begun[level] = begun
        for line in lines[-LAST_WORDS:] if self._is_full() else lines:
            self._keep(level, line)

    def close(self) -> None:
        """Nothing more will come."""
        for level, begun in self._begun.items():
            if begun:
                self._keep(level, begun)
        self._begun.clear()

    def _is_full(self) -> bool:
        return self._lines >= MOST_LINES or self._bytes >= MOST_BYTES

    def _keep(self, level: str, line: bytes) -> None:
        if level != "INFO":
            self.last_words.append(_text(line))
        if self._is_full():
            return
        self._lines += 1
        self._bytes += len(line)
        self._write(level, _text(line))
        if self._is_full():
            self._write("WARNING", "… what this attempt printed from here on is not kept")


def _text(line: bytes) -> str:
    text = line[:MOST_BYTES_A_LINE].decode("utf-8", "replace").rstrip("\r")
    return text if len(line) <= MOST_BYTES_A_LINE else f"{text}… (cut, {len(line)} bytes)"
