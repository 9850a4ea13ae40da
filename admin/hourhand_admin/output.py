"""What `hourhand up` writes: its own lines and those of its services, each with the name of who says it."""

import os
import sys
import threading
from collections.abc import Sequence

import click

_COLORS = ("cyan", "green", "magenta", "yellow")


class Output:
    """Writes lines to stdout from any thread. Once nobody reads them, they are dropped."""

    def __init__(self, names: Sequence[str], *, bare: bool = False) -> None:
        """`names` of all who speak; `bare` leaves the name out, for lines that hold it (JSON)."""
        self._width = max(map(len, names))
        self._bare = bare
        self._colors = {name: _COLORS[index % len(_COLORS)] for index, name in enumerate(names)}
        self._lock = threading.Lock()
        self._closed = False

    def write(self, name: str, line: str) -> None:
        """One line said by `name`."""
        self.print(line if self._bare else f"{self._label(name)} {line}")

    def print(self, text: str) -> None:
        """Text as it is."""
        with self._lock:
            if self._closed:
                return
            try:
                click.echo(text)
            except (OSError, ValueError):
                self._close()

    def _label(self, name: str) -> str:
        label = f"{name:<{self._width}} |"
        return label if "NO_COLOR" in os.environ else click.style(label, fg=self._colors.get(name))

    def _close(self) -> None:
        self._closed = True
        with open(os.devnull, "w") as nowhere:  # so that flushing at exit does not fail either
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
