"""The event log: one line for each thing that happened, as text or JSON.

Programs call `configure` once, in their main function; a library never does. Lines up to INFO go to stdout,
from WARNING on to stderr, and with a log directory all of them to one file for each running service, whose
name stays the same over restarts.

hourhand's own events are written by `event`. What tasks write with loguru's logger, and what they and other
libraries write with the standard library's logging, goes to the same places; events do not go through loguru,
because a worker writes four a run, and loguru's way costs more than the run. Every line written while a task
runs carries the run's id. Secrets are taken out of all of them. Whatever cannot be written (a closed pipe, a
full disk, a value that JSON has no form for) never stops the program.

A message is for people. An event without one is for programs: JSON has all events with all their fields, text
has messages, and the others only from LOG_LEVEL=DEBUG on.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from hourhand.log.lines import Form, Line, as_json, as_text
from hourhand.log.streams import Stream
from hourhand.sanitise import sanitise

if TYPE_CHECKING:
    from loguru import Message, Record

    from hourhand.log.files import LogFile
    from hourhand.settings import Settings

LEVELS = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "SUCCESS": 25, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_DEBUG, _WARNING = LEVELS["DEBUG"], LEVELS["WARNING"]
# What every record of logging has, and its message again, from uvicorn: the rest is what `extra` has added.
_NO_EXTRA = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
_CHATTY = ("httpx", "httpcore", "hpack", "urllib3")  # they log every request at INFO

_NOTHING: Mapping[str, object] = MappingProxyType({})
_context: ContextVar[Mapping[str, object]] = ContextVar("hourhand_log_context", default=_NOTHING)
_captures: list[list[Line]] = []
_configured = False
_out = _err = Stream(None)
_file: LogFile | None = None
_lock: IO[bytes] | None = None  # keeps other processes off the file
_form: Form = as_text
_root_before: tuple[list[logging.Handler], int] | None = None
_service = "hourhand"
# The least levels of events with and without a message. A library that nobody has configured says little.
_threshold = _silent_threshold = _WARNING


def configure(settings: Settings, service: str, name: str | None = None) -> None:
    """Send this process's log where the settings say. `service` is scheduler, worker, admin or up."""
    global _configured, _service, _form, _threshold, _silent_threshold
    close()
    _service, _threshold = service, LEVELS[settings.log_level]
    _form = as_json if settings.log_format == "json" else as_text
    for_people = _form is as_text and _threshold > _DEBUG
    _silent_threshold = max(_threshold, _WARNING) if for_people else _threshold
    _open(settings, name)
    _take_over_logging()
    if service != "scheduler":
        _take_over_loguru()  # not where nobody's tasks run: it costs more than a MiB
    _configured = True
    threading.excepthook = _thread_died


def close() -> None:
    """Stop writing; what `configure` took over is given back."""
    global _configured, _file, _lock, _threshold, _silent_threshold
    if not _configured:
        return
    if "loguru" in sys.modules:
        from loguru import logger

        logger.remove()
    for each in (_file, _lock):
        if each is not None:
            each.close()
    _configured, _file, _lock = False, None, None
    _threshold = _silent_threshold = _WARNING
    logging.captureWarnings(capture=False)
    if _root_before is not None:
        logging.root.handlers[:], logging.root.level = _root_before
    threading.excepthook = threading.__excepthook__


def reopen() -> None:
    """Open the log file anew, after something else (logrotate) has moved it: what HUP does."""
    if _file is not None:
        _file.reopen()


def enabled(level: str, *, message: bool = True) -> bool:
    """Whether such an event, with or without a message, is written: hot paths ask before they make one."""
    return LEVELS[level] >= (_threshold if message else _silent_threshold) or bool(_captures)


def event(
    name: str, /, level: str = "INFO", message: str = "", *, error: object = None, **fields: object
) -> None:
    """Write one event. An exception as `error` adds class, text and, unless it is one of ours, traceback."""
    wanted = LEVELS[level] >= (_threshold if message else _silent_threshold)
    if not wanted and not _captures:
        return
    if isinstance(error, BaseException):
        fields |= _error_fields(error)
    elif error is not None:
        fields["error"] = error
    if type(message) is not str:
        message = str(sanitise(message))
    line = Line(datetime.now(UTC), level, _service, name, message, {**_context.get(), **fields})
    for lines in _captures:
        lines.append(line)
    if wanted and _configured:
        _write(_form(line), LEVELS[level])
    elif wanted:
        logging.getLogger("hourhand").log(LEVELS[level], "%s", message or name)


def events(name: str, rows: Iterable[Mapping[str, object]], level: str = "INFO") -> None:
    """Write many events without a message, alike but for their fields, at one moment and in one piece."""
    if not enabled(level, message=False):
        return
    now, context = datetime.now(UTC), _context.get()
    written = [Line(now, level, _service, name, "", {**context, **fields}) for fields in rows]
    for lines in _captures:
        lines.extend(written)
    if written and _configured and LEVELS[level] >= _silent_threshold:
        _write("".join(map(_form, written)), LEVELS[level])


def bind(**fields: object) -> None:
    """Add fields (run_id, attempt, …) to every line of the rest of this context (of `contextvars`)."""
    _context.set({**_context.get(), **fields})


@contextmanager
def captured() -> Iterator[list[Line]]:
    """For tests: the events written meanwhile, of every level."""
    lines: list[Line] = []
    _captures.append(lines)
    try:
        yield lines
    finally:
        _captures.remove(lines)


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


# --- Where lines go ---


def _open(settings: Settings, name: str | None) -> None:
    global _out, _err, _file, _lock
    _out, _err = Stream(sys.stdout), Stream(sys.stderr)
    if settings.log_dir is not None:
        from hourhand.log.files import LogFile, claim_file

        path, _lock = claim_file(settings.log_dir, _service, name)
        _file = LogFile(path, settings.log_rotate_mb * 2**20, lambda trouble: _err.write(_warning(trouble)))


def _forked() -> None:
    for each in (_out, _err):
        each.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _write(text: str, severity: int) -> None:
    """Whole lines, to all places where lines of this level go."""
    (_out if severity < _WARNING else _err).write(text)
    if _file is not None:
        _file.write(text)


def _warning(trouble: str) -> str:
    return _form(Line(datetime.now(UTC), "WARNING", _service, "log.file", trouble, {}))


# --- What others write ---


def _say(record: Any, line_of: Callable[[Any], Line], severity: int) -> None:
    """The line of a record that somebody else has made, who may have put anything into it."""
    try:
        text = _form(line_of(record))
    except Exception as error:  # noqa: BLE001
        event("log.unreadable", "WARNING", "something that was logged cannot be shown", error=error)
    else:
        _write(text, severity)


def _of_others(time: datetime, level: str, message: str, fields: dict[str, object]) -> Line:
    fields |= _context.get()  # a task may bind a run_id of its own, but its lines belong to its run
    event = fields.pop("event", None)
    name = event if isinstance(event, str) else "log"
    return Line(time, level, _service, name, message.rstrip("\n"), fields)


class _FromLogging(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        # Not `emit`: its lock is one too many where a line is written while another one is.
        if record.levelno < _threshold:
            return False
        _say(record, _of_logging, record.levelno)
        return True


def _of_logging(record: logging.LogRecord) -> Line:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001  (wrong arguments are the caller's mistake, not a reason to stop)
        message = str(sanitise([record.msg, record.args]))
    fields = {name: value for name, value in vars(record).items() if name not in _NO_EXTRA}
    fields["logger"] = record.name
    if record.exc_info and record.exc_info[1] is not None:
        fields["traceback"] = _traceback(record.exc_info[1])
    elif record.stack_info:
        fields["traceback"] = record.stack_info
    return _of_others(datetime.fromtimestamp(record.created, UTC), record.levelname, message, fields)


def _take_over_logging() -> None:
    global _root_before
    root = logging.getLogger()
    _root_before = root.handlers[:], root.level
    root.handlers[:] = [_FromLogging()]
    root.setLevel(_threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel("WARNING" if _threshold > _DEBUG else "NOTSET")
    logging.captureWarnings(capture=True)


def _take_over_loguru() -> None:
    # Its tracebacks would show local variables, and the secrets in them, also in sinks that tasks add.
    os.environ.setdefault("LOGURU_DIAGNOSE", "NO")
    from loguru import logger

    logger.remove()
    logger.add(_from_loguru, level=_threshold, format=lambda _: "", backtrace=False, diagnose=False)


def _from_loguru(said: Message) -> None:
    _say(said.record, _of_loguru, said.record["level"].no)


def _of_loguru(record: Record) -> Line:
    fields: dict[str, object] = dict(record["extra"])
    if not isinstance(fields.get("event"), str):
        fields.setdefault("logger", record["name"])
    if record["exception"] is not None and record["exception"].value is not None:
        fields["traceback"] = _traceback(record["exception"].value)
    return _of_others(record["time"], record["level"].name, record["message"], fields)


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        thread = args.thread.name if args.thread else "unknown"
        event("thread.died", "ERROR", f"thread {thread} ended with an error", error=args.exc_value)
