"""Work that can be left behind: a call to a database that hangs may take a minute."""

from collections.abc import Callable
from threading import Thread


def begin(work: Callable[[], object], name: str) -> Thread:
    """In a thread that does not keep the process alive."""
    thread = Thread(target=work, name=f"hourhand-{name}", daemon=True)
    thread.start()
    return thread


def ends(thread: Thread, within: float) -> bool:
    """Whether its work ends within so many seconds."""
    thread.join(within)
    return not thread.is_alive()
