import errno
import gzip
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import timeit
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any, cast

import pytest
from loguru import logger

from hourhand import log
from hourhand.errors import Unavailable
from hourhand.log.files import LogFile, claim_file
from hourhand.log.streams import Stream
from hourhand.settings import load_settings

SECRET = "hunter2secretvalue"
Configure = Callable[..., None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    def configured(service: str = "worker", name: str | None = None, **overrides: object) -> None:
        log.configure(load_settings(**overrides), service, name)

    yield configured
    log.close()


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- Form ---


def test_a_json_line_is_one_object_with_the_five_names_and_the_fields(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_format="json")
    log.event("run.finished", message="done", run_id=1, token="t", outcome="completed", error_class=None)
    [line] = objects(capsys.readouterr().out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("ts"))
    assert line == {
        "level": "INFO",
        "service": "worker",
        "event": "run.finished",
        "message": "done",
        "run_id": 1,
        "token": "t",
        "outcome": "completed",
    }


def test_a_text_line_has_the_service_and_the_message_and_nothing_for_programs(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("scheduler")
    log.event(
        "scheduler.started", message="hourhand scheduler started. Polling every 60 seconds", session="s", n=2
    )
    line = capsys.readouterr().out
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    \[Scheduler\] "
        r"hourhand scheduler started\. Polling every 60 seconds\n",
        line,
    )


@pytest.mark.parametrize(
    ("message", "fields", "text"),
    [
        ("fetching", {"run_id": 7, "attempt": 1}, "fetching (run 7)"),
        ("fetching 7 items", {"run_id": 7, "attempt": 2}, "fetching 7 items (run 7, attempt 2)"),
        ("Fired it as run 7", {"run_id": 7, "attempt": 2}, "Fired it as run 7 (attempt 2)"),
        ("Run 1 started run 77", {"run_id": 7}, "Run 1 started run 77 (run 7)"),
        ("Polling failed", {"error": OSError("gone")}, "Polling failed: OSError: gone"),
        ("Polling failed: gone", {"error": Unavailable("gone")}, "Polling failed: gone"),
        ("Polling failed: gone", {"error": "gone", "hint": "Start it."}, "Polling failed: gone. Start it."),
    ],
)
def test_text_adds_what_a_person_needs_and_the_message_does_not_say(
    configure: Configure,
    capsys: pytest.CaptureFixture[str],
    message: str,
    fields: dict[str, Any],
    text: str,
) -> None:
    configure()
    log.event("x", message=message, **fields, token="t", outcome="o")
    assert capsys.readouterr().out.splitlines()[0].endswith(f"[Worker] {text}")


def test_an_event_without_a_message_is_shown_in_text_only_to_those_who_debug(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    for form, level, shown in [("text", "INFO", 0), ("text", "DEBUG", 1), ("json", "INFO", 1)]:
        configure(log_format=form, log_level=level)
        assert log.enabled("INFO", message=False) == bool(shown)
        assert log.enabled("INFO")
        log.event("session.beat", session="s", held=3)
        line = capsys.readouterr().out
        assert line.count("session.beat") == shown
        assert form == "json" or not line or line.endswith('session.beat {"session":"s","held":3}\n')
        log.event("session.lost", "WARNING", session="s")
        assert "session.lost" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_message_cannot_forge_a_line(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    configure(log_format=form)
    log.event("x", message="one\n2026-01-01T00:00:00Z INFO [Worker] forged\x1b[31m", field="a\nb")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not [line for line in out.splitlines() if line.startswith("2026-01-01")]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_value_can_break_the_log(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    class Spiteful:
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

    class SpitefulError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    loop: list[object] = []
    loop.append(loop)
    values: dict[str, Any] = {
        "nan": float("nan"),
        "nul": "a\0b",
        "surrogate": "a\ud800b",
        "object": Spiteful(),
        "loop": loop,
        "huge": 10**5000,
        "long": "x" * 1_000_000,
        "keys": {1: 2, None: 3},
        "ts": "mine",
        "event": "mine",
    }
    configure(log_format=form, log_level="DEBUG")
    for name, value in values.items():
        log.event("x", message="m", **{name: value})
        log.event("x", **{name: value})
    log.event("x", message="m\0\ud800" + "x" * 1_000_000)
    log.event("x", message=Spiteful())  # type: ignore[arg-type]
    log.event("x", error=SpitefulError())
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("  ")]
    assert len(lines) == 2 * len(values) + 3
    assert max(map(len, lines)) < 20_000
    if form == "json":
        assert {line["event"] for line in objects("\n".join(lines))} == {"x"}


# --- Streams and levels ---


def test_up_to_info_goes_to_stdout_and_warnings_to_stderr(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_level="DEBUG")
    for level in ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR"):
        log.event("x", level, f"this is {level}")
    captured = capsys.readouterr()
    assert re.findall(r"this is (\w+)", captured.out) == ["DEBUG", "INFO"]
    assert re.findall(r"this is (\w+)", captured.err) == ["WARNING", "ERROR"]
    assert [log.enabled(level) for level in ("TRACE", "DEBUG", "INFO")] == [False, True, True]


def test_before_it_is_configured_a_library_stays_quiet_up_to_info(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log.event("x", "INFO", "quiet")
    log.event("x", "WARNING", "loud")
    assert capsys.readouterr().out == ""
    assert [record.getMessage() for record in caplog.records] == ["loud"]


def test_what_was_taken_over_is_given_back(configure: Configure) -> None:
    handlers, level, hook = list(logging.root.handlers), logging.root.level, threading.excepthook
    configure()
    assert logging.root.handlers != handlers
    log.close()
    assert (logging.root.handlers, logging.root.level) == (handlers, level)
    assert threading.excepthook in (hook, threading.__excepthook__)


def test_tests_can_read_the_events() -> None:
    with log.captured() as lines:
        log.event("x", "DEBUG", "hello", n=1)
    log.event("x", "DEBUG", "later")
    assert [(line.event, line.message, line.fields["n"]) for line in lines] == [("x", "hello", 1)]


# --- What tasks write ---


def test_lines_written_while_a_run_works_carry_its_id(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_format="json")

    def work() -> None:
        log.bind(run_id=7, attempt=2)
        logger.bind(feed="f").info("through {}", "loguru")
        logging.getLogger("feeds").info("through %s", "logging")
        log.event("x", message="through events")

    copy_context().run(work)
    logger.info("outside")
    lines = objects(capsys.readouterr().out)
    assert [line.get("run_id") for line in lines] == [7, 7, 7, None]
    assert [line["message"] for line in lines[:2]] == ["through loguru", "through logging"]
    assert (lines[0]["feed"], lines[1]["logger"], lines[1]["event"]) == ("f", "feeds", "log")


def test_what_tasks_bind_is_for_programs_and_can_name_their_events(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("json", "text"):
        configure(log_format=form)
        with logger.contextualize(feed="f"):
            logger.bind(event="feed.fetched").info("fetched {{}}", n=3)
    in_json, in_text = capsys.readouterr().out.splitlines()
    line = json.loads(in_json)
    assert (line["event"], line["feed"], line["n"], line["message"]) == ("feed.fetched", "f", 3, "fetched {}")
    assert in_text.endswith("[Worker] fetched {}")


def test_tasks_may_rearrange_loguru_without_silencing_hourhand(
    configure: Configure, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configure("admin", log_dir=tmp_path)
    log.event("x", message="event 1")
    logger.remove()
    messages: list[str] = []
    logger.add(messages.append, format="{message}")
    logger.configure(patcher=lambda record: record["extra"].update(patched=True))
    logger.info("of a task")
    log.event("x", message="event 2")
    logging.getLogger("x").info("event 3")
    logger.configure(patcher=lambda _: None)
    for written in (capsys.readouterr().out, (tmp_path / "admin.log").read_text()):
        assert re.findall(r"event \d|of a task", written) == ["event 1", "event 2", "event 3"]
    assert messages == ["of a task\n"]
    path, lock = claim_file(tmp_path, "admin", None)
    assert path.name == "admin-2.log"
    assert lock is not None
    lock.close()


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_tasks_bind_can_break_or_forge_a_line(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    configure(log_format=form)
    logger.bind(event=object(), service={"b": 2}).info("one")
    logger.bind(event="two\n2026", service="two\n2026", run_id="two\n2026", error="two\n2026").info("")
    captured = capsys.readouterr()
    assert captured.err == ""
    assert len([line for line in captured.out.splitlines() if not line.startswith("  ")]) == 2


def test_what_logging_is_given_as_extra_is_for_programs(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("json", "text"):
        configure(log_format=form)
        logging.getLogger("x").info("paid", extra={"order": 5, "password": SECRET, "event": "order.paid"})
    in_json, in_text = capsys.readouterr().out.splitlines()
    line = json.loads(in_json)
    assert line.keys() == {"ts", "level", "service", "event", "message", "logger", "order", "password"}
    assert (line["event"], line["order"], line["password"]) == ("order.paid", 5, "***")
    assert in_text.endswith("[Worker] paid")


def test_a_line_belongs_to_its_run_whatever_a_task_calls_its_own_fields(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_format="json")

    def work() -> None:
        log.bind(run_id=7)
        logger.bind(run_id="mine").info("")
        logging.getLogger("x").info("", extra={"run_id": "mine"})

    copy_context().run(work)
    assert [line["run_id"] for line in objects(capsys.readouterr().out)] == [7, 7]


def test_levels_of_their_own_are_lines_too(
    configure: Configure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(logging._levelToName, 33, "ODD\n2026")
    for form in ("json", "text"):
        configure(log_format=form)
        for level in (17, 22, 33, 35):
            logging.getLogger("x").log(level, "by logging")
            logger.log(level, "by loguru")
    captured = capsys.readouterr()
    assert captured.out.count("by logging") == captured.out.count("by loguru") == 2
    assert captured.err.count("by logging") == captured.err.count("by loguru") == 4
    assert not re.search("^2026$", captured.err, re.MULTILINE)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_that_cannot_be_read_is_told_of_and_stops_nobody(
    configure: Configure, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    class Odd(str):
        def lower(self) -> str:
            raise RuntimeError

        def isprintable(self) -> bool:
            raise RuntimeError

    configure(log_format=form)
    logging.getLogger("x").info("%s", Odd("fine"))
    logging.getLogger("x").handle(logging.makeLogRecord({"levelno": 20, "created": float("nan")}))
    logger.patch(lambda record: cast("dict[str, Any]", record).update(message=5)).bind(password=SECRET).info(
        ""
    )
    logger.patch(lambda record: record["extra"].update({5: "by number"})).info("by number")
    captured = capsys.readouterr()
    assert "fine" in captured.out
    assert "by number" in captured.out
    assert len(re.findall("^.*cannot be shown", captured.err, re.MULTILINE)) == 2
    assert SECRET not in captured.err


def test_a_log_call_within_another_one_is_a_line_of_its_own(
    configure: Configure, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class Chatty(logging.Handler):
        def __str__(self) -> str:
            logging.getLogger("x").info("inner 1")
            log.event("x", message="inner 2")
            return "outer"

        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "outer":
                logging.getLogger("x").info("inner 3")

    configure("admin", log_dir=tmp_path)
    logging.getLogger().addHandler(chatty := Chatty())
    logging.getLogger("x").info("outer")
    logging.getLogger("x").info("%s", chatty)
    logger.add(lambda _: logging.getLogger("x").info("inner 3"))
    logger.info(chatty)
    for written in (capsys.readouterr().out, (tmp_path / "admin.log").read_text()):
        assert sorted(re.findall(r"inner \d|outer", written)) == (
            ["inner 1"] * 3 + ["inner 2"] * 3 + ["inner 3"] * 3 + ["outer"] * 3
        )


def test_a_traceback_is_one_field_in_json_and_indented_in_text(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        password = SECRET
        raise ValueError(f"no: {len(password)}")

    for form in ("json", "text"):
        configure(log_format=form)
        try:
            fail()
        except ValueError:
            logger.exception("oops")
            logging.getLogger("x").exception("oops")
    err = capsys.readouterr().err
    lines = err.splitlines()
    assert [json.loads(line)["traceback"].splitlines()[-1] for line in lines[:2]] == [
        "ValueError: no: 18"
    ] * 2
    assert all(line.startswith("  ") or "oops" in line for line in lines[2:])
    assert SECRET not in err


def test_errors_of_ours_need_no_traceback(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format="json")
    log.event("x", "WARNING", error=Unavailable("gone"))
    log.event("x", "WARNING", error=KeyError("mistake"))
    log.event("x", "WARNING", error="told", error_class="Told")
    ours, other, text = objects(capsys.readouterr().err)
    assert (text["error_class"], text["error"]) == ("Told", "told")
    assert (ours["error_class"], ours["error"]) == ("Unavailable", "gone")
    assert "traceback" not in ours
    assert "KeyError" in other["traceback"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_written_nowhere(
    configure: Configure, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    address = f"postgresql://user:{SECRET}@host/db"
    configure(log_format=form, log_dir=tmp_path, log_level="DEBUG")
    log.event("x", message=f"connecting to {address}", key=f"sb_secret_{SECRET}")
    log.event("x", password=SECRET, nested={"api_key": SECRET, "list": [f"Bearer {SECRET}"]})
    logging.getLogger("x").info("password=%s", SECRET)
    try:
        int(f"cannot connect to {address}")
    except ValueError as error:
        logger.exception("failed")
        log.event("x", "ERROR", error=error)
    captured = capsys.readouterr()
    written = captured.out + captured.err + (tmp_path / "job-worker-1.log").read_text()
    assert "cannot connect to postgresql://user:***@host/db" in written
    assert SECRET not in written


def test_a_thread_that_dies_is_logged(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("broken thread")

    configure(log_format="json")
    thread = threading.Thread(target=fail, name="heartbeat")
    thread.start()
    thread.join()
    [line] = objects(capsys.readouterr().err)
    assert (line["event"], line["error"]) == ("thread.died", "broken thread")
    assert "heartbeat" in line["message"]


# --- Files ---


def append(file: LogFile, lines: Iterable[str]) -> None:
    for line in lines:
        file.handle(logging.makeLogRecord({"msg": line}))


@pytest.mark.parametrize(
    ("service", "name", "file"),
    [
        ("scheduler", None, "job-scheduler.log"),
        ("worker", "mail", "job-worker-mail.log"),
        ("worker", None, "job-worker-1.log"),
        ("worker", "../x y", "job-worker-.._x_y.log"),
        ("admin", None, "admin.log"),
    ],
)
def test_each_service_has_its_file(
    configure: Configure, tmp_path: Path, service: str, name: str | None, file: str
) -> None:
    configure(service, name, log_dir=tmp_path / "logs")
    log.event("x", message="hello")
    assert "hello" in (tmp_path / "logs" / file).read_text()


@pytest.mark.parametrize(("name", "files"), [(None, "1 2 1"), ("mail", "mail mail-2 mail")])
def test_a_second_process_takes_the_next_file_and_a_restarted_one_its_own_again(
    tmp_path: Path, name: str | None, files: str
) -> None:
    first, first_lock = claim_file(tmp_path, "worker", name)
    second, second_lock = claim_file(tmp_path, "worker", name)
    assert first_lock is not None
    assert second_lock is not None
    first_lock.close()
    again, again_lock = claim_file(tmp_path, "worker", name)
    assert [path.name for path in (first, second, again)] == [
        f"job-worker-{file}.log" for file in files.split()
    ]
    assert again_lock is not None
    again_lock.close()
    second_lock.close()


def test_a_large_file_is_rotated_packed_and_finally_dropped(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "job-worker-a.log", 100)
    (tmp_path / "job-worker-a.b.log").write_text("of another worker")
    lines = [f"line {number:04} {'x' * 40}\n" for number in range(40)]
    append(file, lines)
    file.close()
    rotated = [tmp_path / f"job-worker-a.log.{number}.gz" for number in (5, 4, 3, 2, 1)]
    kept = [gzip.decompress(path.read_bytes()).decode() for path in rotated]
    last = (tmp_path / "job-worker-a.log").read_text()
    assert "".join([*kept, last]) == "".join(lines[-6:])
    assert len(last) <= 100
    assert len(list(tmp_path.iterdir())) == 7


def test_a_file_that_cannot_be_packed_is_kept_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gzip, "open", full)
    troubles: list[str] = []
    file = LogFile(tmp_path / "a.log", 12, tell=troubles.append)
    append(file, ["line 1\n", "line 2\n", "line 3\n"])
    file.close()
    assert [(tmp_path / name).read_text() for name in ("a.log.2.gz", "a.log.1.gz", "a.log")] == [
        "line 1\n",
        "line 2\n",
        "line 3\n",
    ]
    assert not troubles


def test_without_a_size_nothing_is_rotated_and_a_moved_file_is_reopened(
    configure: Configure, tmp_path: Path
) -> None:
    configure("scheduler", log_dir=tmp_path, log_rotate_mb=0)
    path = tmp_path / "job-scheduler.log"
    log.event("x", message="before")
    path.rename(tmp_path / "moved.log")
    log.event("x", message="between")
    log.reopen()
    log.event("x", message="after")
    assert re.findall(r"before|between|after", (tmp_path / "moved.log").read_text()) == ["before", "between"]
    assert re.findall(r"before|between|after", path.read_text()) == ["after"]
    shutil.rmtree(tmp_path)
    log.reopen()
    log.event("x", message="anew")
    assert "anew" in path.read_text()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_costs_one_warning_until_it_works_again(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "admin.log"
    path.symlink_to("/dev/full")
    configure("admin", log_dir=tmp_path)
    log.event("x", message="line 0")
    logger.info("line 1 of a task")
    logging.getLogger("x").info("line 2 of a task")
    captured = capsys.readouterr()
    assert captured.out.count("line") == 3
    assert captured.err.count("cannot be written: [Errno 28]") == 1
    assert captured.err.count("\n") == 1
    path.unlink()
    log.event("x", message="works again")
    assert "works again" in path.read_text()
    path.unlink()
    path.symlink_to("/dev/full")
    log.reopen()
    log.event("x", message="full again")
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_a_directory_that_cannot_be_made_costs_one_warning(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    configure(log_dir=tmp_path / "file" / "logs")
    log.event("x", message="one")
    log.event("x", message="two")
    captured = capsys.readouterr()
    assert re.findall("one|two", captured.out) == ["one", "two"]
    assert captured.err.count("cannot be written") == 1


# --- Real processes ---


def run(program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        text=True,
        timeout=60,
        check=False,
        **options,
    )


SPEAK = """
    import sys
    from hourhand import log
    from hourhand.settings import load_settings
    log.configure(load_settings(log_dir=sys.argv[1]), "worker", sys.argv[2])
    for number in range(int(sys.argv[3])):
        log.event("x", message=f"line {number}")
        log.event("x", "WARNING", f"warning {number}")
    print("what a task prints", flush=True)
"""


def test_a_closed_stdout_does_not_stop_the_program(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(SPEAK, str(tmp_path), "a", "100", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 100
    assert "Traceback" not in done.stderr
    assert (tmp_path / "job-worker-a.log").read_text().count("\n") == 200


def test_a_terminal_that_cannot_show_a_character_shows_its_code(tmp_path: Path) -> None:
    program = """
        from hourhand import log
        from hourhand.settings import load_settings
        log.configure(load_settings(), "worker")
        log.event("x", message="fünf ✅")
    """
    done = run(program, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert r"f\xfcnf \u2705" in done.stdout


def test_processes_of_one_name_lose_no_line(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", textwrap.dedent(SPEAK), str(tmp_path), "mail", "500"]
    processes = [
        subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    written = "".join(path.read_text() for path in tmp_path.glob("job-worker-mail*.log"))
    assert written.count("\n") == 3 * 1000


def test_a_line_written_amid_another_one_is_given_up_and_the_stream_is_not() -> None:
    written: list[bytes] = []

    class Raw(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            if not written:
                written.append(b"")
                stream.write("of a destructor\n")
            written.append(bytes(data))
            return len(data)

    stream = Stream(io.TextIOWrapper(io.BufferedWriter(Raw())))
    stream.write("one\n")
    stream.write("two\n")
    assert b"".join(written) == b"one\ntwo\n"


FORK = """
    import os, sys, threading
    from hourhand import log
    from hourhand.settings import load_settings
    log.configure(load_settings(log_dir=sys.argv[1], log_rotate_mb=1), "worker", "a")

    def held_elsewhere(held, done):
        with log._out._lock, log._file.lock:
            held.set()
            done.wait()

    held, done = threading.Event(), threading.Event()
    log.event("x", message="of the parent")
    threading.Thread(target=held_elsewhere, args=(held, done), daemon=True).start()
    held.wait()
    if (pid := os.fork()) == 0:
        for _ in range(700):
            log.event("x", message="of the child" + 2000 * "x")
        path = log._file.baseFilename
        os.rename(path, path + ".1")
        log.event("x", message="after a rotation")
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    done.set()
    sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_process_that_a_task_forks_logs_on_and_leaves_rotation_to_its_parent(tmp_path: Path) -> None:
    done = run(FORK, str(tmp_path), stdout=subprocess.DEVNULL)
    assert done.returncode == 0
    written, last = [(tmp_path / name).read_text() for name in ("job-worker-a.log.1", "job-worker-a.log")]
    assert written.count("of the parent") == 1
    assert written.count("of the child") == 700
    assert last.count("\n") == last.count("after a rotation") == 1


# --- Cost ---


def test_an_event_is_cheap_and_a_disabled_one_nearly_free(configure: Configure, tmp_path: Path) -> None:
    """Limits far above what is measured (10 µs and 0.3 µs), against gross mistakes only."""
    token = str(uuid.uuid4())

    def speak() -> None:
        log.event(
            "run.started", message="Processing job run 1 of t", run_id=1, attempt=1, token=token, ms=1.5
        )

    configure(log_format="json", log_dir=tmp_path)
    written = min(timeit.repeat(speak, number=500, repeat=5)) / 500
    configure(log_level="ERROR")
    disabled = min(timeit.repeat(speak, number=500, repeat=5)) / 500
    assert written < 200e-6
    assert disabled < 10e-6


def test_many_events_are_lines_like_single_ones_in_their_order(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_format="json")

    def work() -> None:
        log.bind(run_id=7)
        log.events("run.claimed", ({"attempt": n, "password": "x"} for n in range(3)))
        log.event("run.claimed", attempt=3, password="x")

    copy_context().run(work)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.pop("attempt") for line in told] == [0, 1, 2, 3]
    assert len({line.pop("ts") for line in told[:3]}) == 1
    assert told[0] == told[2] == {key: value for key, value in told[3].items() if key != "ts"}


def test_many_events_below_the_level_are_not_even_made(configure: Configure) -> None:
    configure(log_format="text")
    log.events("run.claimed", (pytest.fail("made") for _ in range(3)))
