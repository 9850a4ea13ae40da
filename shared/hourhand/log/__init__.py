"""The event log: one line for each thing that happened, as text or JSON.

Programs call `configure` once, in their main function; a library never does. Lines up to INFO go to stdout,
from WARNING on to stderr, and with a log directory all of them to one file for each running service, whose
name stays the same over restarts.

hourhand's own events come through `event`. What tasks write through loguru or the standard library's logging
arrives in the same outputs, and every line written while a task runs carries the run's id. Secrets are taken
out of all of them. Whatever cannot be written (a closed pipe, a full disk, a value that JSON has no form
for) never stops the program.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hourhand.log.files import LogFile, claim_file
from hourhand.log.lines import Line, as_json, as_text
from hourhand.log.outputs import Output

if TYPE_CHECKING:
    from hourhand.settings import Settings

LEVELS = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "SUCCESS": 25,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
}
_CHATTY = ("httpx", "httpcore", "hpack", "urllib3")  # they log every request at INFO

_NOTHING: Mapping[str, object] = MappingProxyType({})
_context: ContextVar[Mapping[str, object]] = ContextVar("hourhand_log_context", default=_NOTHING)
_captures: list[list[Line]] = []
_output: Output | None = None
_root_before: tuple[list[logging.Handler], int] | None = None
_service = "hourhand"
_threshold = LEVELS["WARNING"]  # what a library may say before anyone has configured it


def configure(settings: Settings, service: str, name: str | None = None) -> None:
    """Send this process's log where the settings say. `service` is scheduler, worker, admin or up."""
    global _output, _service, _threshold
    close()
    _service, _threshold = service, LEVELS[settings.log_level]
    file: LogFile | None = None
    if settings.log_dir is not None:
        path, lock = claim_file(settings.log_dir, service, name)
        file = LogFile(path, settings.log_rotate_mb * 1024 * 1024, lock)
    _output = Output(as_json if settings.log_format == "json" else as_text, file)
    _take_over_loguru()
    _take_over_logging()
    threading.excepthook = _thread_died


def close() -> None:
    """Stop writing; what `configure` took over is given back."""
    global _output, _threshold
    if _output is None:
        return
    from loguru import logger

    _output.close()
    _output, _threshold = None, LEVELS["WARNING"]
    logger.remove()
    logging.captureWarnings(capture=False)
    if _root_before is not None:
        logging.root.handlers[:], logging.root.level = _root_before
    threading.excepthook = threading.__excepthook__


def reopen() -> None:
    """Open the log file anew, after something else (logrotate) has moved it: what HUP does."""
    if _output is not None:
        _output.reopen()


def enabled(level: str) -> bool:
    """Whether a line of this level is written: hot paths ask before they put one together."""
    return LEVELS[level] >= _threshold or bool(_captures)


def event(
    name: str, /, level: str = "INFO", message: str = "", *, error: object = None, **fields: object
) -> None:
    """Write one event. An exception as `error` adds class, text and, unless it is one of ours, traceback."""
    number = LEVELS[level]
    if number < _threshold and not _captures:
        return
    if isinstance(error, BaseException):
        fields |= _error_fields(error)
    elif error is not None:
        fields["error"] = error
    _write(Line(number, level, _service, name, message, {**_context.get(), **fields}))


@contextmanager
def run_context(**fields: object) -> Iterator[None]:
    """Add fields (run_id, attempt, …) to every line that this task or thread writes meanwhile."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def bind(**fields: object) -> None:
    """Add fields to every line written in the rest of the current context (of `contextvars`)."""
    _context.set({**_context.get(), **fields})


@contextmanager
def captured() -> Iterator[list[Line]]:
    """For tests: the lines written meanwhile, of every level."""
    lines: list[Line] = []
    _captures.append(lines)
    try:
        yield lines
    finally:
        _captures.remove(lines)


def _write(line: Line) -> None:
    for lines in _captures:
        lines.append(line)
    if line.number < _threshold:
        return
    if _output is None:
        logging.getLogger("hourhand").log(line.number, "%s", line.message or line.event)
    else:
        _output.write(line)


def _error_fields(error: BaseException) -> dict[str, object]:
    from hourhand.errors import HourhandError

    fields: dict[str, object] = {"error_class": type(error).__name__, "error": _text(error)}
    if not isinstance(error, HourhandError):
        fields["traceback"] = _traceback(error)
    return fields


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (it runs the code of whoever wrote the class)
        return "(its text cannot be shown)"


def _traceback(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error)).rstrip()
        # Where it is too long, its two ends say most.
        return text if len(text) <= 8_000 else f"{text[:2_000]}\n…\n{text[-6_000:]}"
    except Exception:  # noqa: BLE001
        return f"{type(error).__name__} (its traceback cannot be shown)"


# --- What others write ---


def _take_over_loguru() -> None:
    from loguru import logger

    logger.remove()
    logger.add(
        _from_loguru,
        level=_threshold,
        format=lambda _: "",  # the lines are made here, with nothing but their parts
        backtrace=False,
        diagnose=False,
    )


def _from_loguru(message: Any) -> None:
    record = message.record
    level = record["level"]
    fields = {"logger": record["name"], **record["extra"]}
    if record["exception"] is not None and record["exception"].value is not None:
        fields["traceback"] = _traceback(record["exception"].value)
    _write(Line(level.no, level.name, _service, "log", record["message"], {**fields, **_context.get()}))


class _FromLogging(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  (wrong arguments are the caller's mistake, not a reason to stop)
            message = f"{record.msg} {record.args}"
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["traceback"] = _traceback(record.exc_info[1])
        _write(Line(record.levelno, record.levelname, _service, "log", message, {**fields, **_context.get()}))


def _take_over_logging() -> None:
    global _root_before
    root = logging.getLogger()
    _root_before = root.handlers[:], root.level
    root.handlers[:] = [_FromLogging()]
    root.setLevel(_threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel("WARNING" if _threshold > LEVELS["DEBUG"] else "NOTSET")
    logging.captureWarnings(capture=True)


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        thread = args.thread.name if args.thread else "unknown"
        event("thread.died", "ERROR", f"thread {thread} ended with an error", error=args.exc_value)
