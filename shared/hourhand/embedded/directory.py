"""The data directory: the database, its logs, and who owns it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hourhand.errors import EmbeddedError

ELSEWHERE = "choose another directory with --data-dir or HOURHAND_DATA_DIR."


def make_data_dir(data_dir: Path) -> None:
    """A directory that is private, and not for version control."""
    try:
        data_dir.mkdir(0o700, parents=True)
    except FileExistsError:
        if not data_dir.is_dir():
            raise
    else:
        (data_dir / ".gitignore").write_text("*\n", "utf-8")


@contextmanager
def as_sentences(data_dir: Path) -> Iterator[None]:
    """Errors of the operating system, told as what they mean for the data directory."""
    try:
        yield
    except OSError as error:
        place = error.filename or data_dir
        raise EmbeddedError(
            f"cannot use {place}: {error.strerror or error}",
            f"Make it usable for this user, or {ELSEWHERE}",
        ) from error
