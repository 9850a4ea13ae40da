"""The tasks of this process, by name, and the import of the modules that define them."""

import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourhand.errors import TaskImportError, UnknownTask

if TYPE_CHECKING:
    from hourhand.tasks import Task


class Registry:
    """Tasks by name, in the order they were defined."""

    def __init__(self, tasks: Iterable["Task[..., Any]"] = ()) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}
        for task in tasks:
            self.add(task)

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator["Task[..., Any]"]:
        return iter(self._tasks.values())

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    @property
    def names(self) -> list[str]:
        return list(self._tasks)

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """For the table `tasks`."""
        return [task.definition for task in self]

    def add(self, task: "Task[..., Any]") -> None:
        """Add a task, or the same function imported again. Raises ValueError when the name is taken."""
        known = self._tasks.get(task.name)
        if known is not None and _place(known) != _place(task):
            raise ValueError(f"the name is taken by {_told(known)}: give one of them another name")
        self._tasks[task.name] = task

    def get(self, name: str) -> "Task[..., Any]":
        """Raises UnknownTask."""
        try:
            return self._tasks[name]
        except KeyError:
            raise UnknownTask(f"no task is called {name!r} here", self._advice()) from None

    def _advice(self) -> str:
        if not self._tasks:
            return "Name the modules that define tasks with --tasks or HOURHAND_TASKS."
        return f"Known are: {', '.join(sorted(self._tasks))}."


_current = Registry()


def current() -> Registry:
    """The registry that `@task` fills."""
    return _current


@contextmanager
def isolated(registry: Registry | None = None) -> Iterator[Registry]:
    """Another registry for the tasks defined within, for tests. Not for several threads at once."""
    global _current
    before, _current = _current, Registry() if registry is None else registry
    try:
        yield _current
    finally:
        _current = before


def load(modules: Iterable[str]) -> Registry:
    """Import the modules that define tasks; they are looked for in the working directory first.

    Raises TaskImportError, which names the module, the file and the line.
    """
    _look_here_first()
    for module in modules:
        _import(module)
    return current()


def find(modules: Iterable[str]) -> None:
    """Look for the modules, or the packages they are in, without importing them. Raises TaskImportError."""
    _look_here_first()
    for module in modules:
        _require_name(module)
        outermost = module.partition(".")[0]
        if outermost not in sys.modules and find_spec(outermost) is None:
            raise _missing(module, outermost)


# --- Importing, and telling what went wrong ---


def _look_here_first() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _require_name(module: str) -> None:
    if module.endswith(".py") or not all(part.isidentifier() for part in module.split(".")):
        raise TaskImportError(
            f"{module!r} is not the name of a module", f"Write it as in an import: {_dotted(module)}."
        )


def _import(module: str) -> None:
    _require_name(module)
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise _missing(module, error.name) from None
        raise _broken(module, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(module, error) from error


def _dotted(module: str) -> str:
    return module.strip("./\\").removesuffix(".py").replace("/", ".").replace("\\", ".") or "package.module"


def _missing(module: str, part: str) -> TaskImportError:
    which = f"no module {module}" if part == module else f"no module {part} (for {module})"
    return TaskImportError(
        f"there is {which}, neither in {Path.cwd()} nor installed",
        "Start it in the directory that holds the module, or set PYTHONPATH or HOURHAND_TASKS.",
    )


def _broken(module: str, error: BaseException) -> TaskImportError:
    file, line = _where(error)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return TaskImportError(
        f"importing {module} failed in {file}, line {line}: {said}",
        f'Correct it, then try: python -c "import {module}"',
    )


def _where(error: BaseException) -> tuple[str, int | None]:
    """The innermost line outside hourhand and Python's import machinery."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    own = str(Path(__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((own, "<frozen")) and "importlib" not in frame.filename
    ]
    return (frames[-1].filename, frames[-1].lineno) if frames else ("an unknown file", None)


def _place(task: "Task[..., Any]") -> tuple[str, str]:
    code = task.function.__code__
    return code.co_filename, task.function.__qualname__


def _told(task: "Task[..., Any]") -> str:
    function, code = task.function, task.function.__code__
    return f"{function.__module__}.{function.__qualname__} ({code.co_filename}, line {code.co_firstlineno})"
