"""`@task`, payloads, retry policies, outcomes and the registry: all that needs no database."""

import dataclasses
import inspect
import json
import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from hourhand import registry
from hourhand.errors import BadPayload, TaskImportError, UnknownTask
from hourhand.outcome import Discard, Outcome, Retry, Snooze
from hourhand.registry import Registry
from hourhand.retry import RetryPolicy
from hourhand.run import Run
from hourhand.tasks import Task, task


@pytest.fixture(autouse=True)
def tasks() -> Iterator[Registry]:
    with registry.isolated() as own:
        yield own


class Feed(BaseModel):
    url: str
    limit: int = 50


class Row(TypedDict):
    id: int


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0


class Silent:
    def log(self, run: Run, level: str, message: str) -> None: ...
    def progress(self, run: Run, progress: Any) -> None: ...
    def enqueue(self, run: Run, task: Any, payload: object, options: Any) -> Any: ...

    def advance(self, run: Run) -> Any: ...


def a_run(**columns: Any) -> Run:
    row = {"id": 7, "task": "t", "queue": "default", "attempt": 1, "max_attempts": 4, "priority": 0}
    return Run({**row, **columns}, Silent())


def called(made: Task[..., Any], payload: str, run: Run | None = None) -> Any:
    return made(**made.arguments(payload, run))


# --- The decorator ---


def test_a_task_is_still_the_function_it_was():
    @task("ingest-rss")
    def ingest(feed: Feed, run: Run | None = None) -> int:
        """Fetch a feed.

        More about it.
        """
        return feed.limit

    assert ingest(Feed(url="a")) == 50
    assert list(inspect.signature(ingest).parameters) == ["feed", "run"]
    assert (ingest.__name__, ingest.name) == ("ingest", "ingest-rss")
    assert ingest.description == "Fetch a feed."


def test_a_task_without_a_name_is_called_like_its_function(tasks: Registry):
    @task()
    def tidy() -> None: ...

    assert tasks.names == ["tidy"]
    assert tasks.get("tidy") is tidy


def test_the_defaults_are_the_documented_ones():
    @task()
    def tidy() -> None: ...

    assert tidy.definition == {
        "name": "tidy",
        "schema": {
            "additionalProperties": False,
            "properties": {},
            "title": "Payload of tidy",
            "type": "object",
        },
        "queue": "default",
        "max_attempts": 4,
        "timeout": 3600.0,
        "priority": 0,
        "concurrency": None,
        "key_concurrency": 1,
        "description": None,
    }


def test_isolation_follows_from_the_function():
    @task()
    async def waits() -> None: ...

    @task()
    def works() -> None: ...

    assert (waits.isolation, works.isolation) == ("async", "thread")


@task("pickled")
def at_the_top() -> str:
    return "here"


def test_a_task_at_the_top_of_a_module_is_pickled_by_its_place():
    # importlib mode gives test modules names that the import system may not know.
    sys.modules.setdefault(__name__, sys.modules[at_the_top.__module__])
    assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_attempts": 0}, "max_attempts has to be a whole number from 1 to 1000, not 0"),
        ({"max_attempts": True}, "max_attempts has to be a whole number"),
        ({"timeout": 0}, "timeout has to be more than 0 seconds"),
        ({"timeout": None}, "timeout has to be more than 0 seconds"),
        ({"timeout": timedelta(days=31)}, "at most 30 days"),
        ({"priority": 101}, "priority has to be a whole number from -100 to 100"),
        ({"concurrency": 0}, "concurrency has to be a whole number from 1"),
        ({"name": "two words"}, "name has to be"),
        ({"queue": ""}, "queue has to be"),
        ({"isolation": "async"}, "an `async def` is async, a `def` is thread"),
        ({"isolation": "fork"}, "each can be process"),
        ({"memory_mb": 64}, 'memory_mb needs isolation="process"'),
        ({"memory_mb": 0, "isolation": "process"}, "memory_mb has to be a whole number from 1"),
        ({"retry": 3}, "retry has to be a RetryPolicy"),
    ],
)
def test_a_wrong_option_fails_at_import(options: dict[str, Any], says: str):
    def works() -> None: ...

    with pytest.raises((TypeError, ValueError), match="works can't be the task") as error:
        task(**options)(works)
    assert says in str(error.value)


def takes_many(*urls: str) -> None: ...
def takes_any(**options: str) -> None: ...
def takes_by_place(url: str, /) -> None: ...
def takes_self(self: object) -> None: ...
def takes_two_runs(one: Run, two: Run) -> None: ...
def takes_a_socket(socket: Silent) -> None: ...
def yields() -> Iterator[int]:
    yield 1


def takes_the_unknown(feed: "Unknown") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (takes_many, "*urls"),
        (takes_any, "**options"),
        (takes_by_place, "plain named parameters"),
        (takes_self, "it is a method"),
        (takes_two_runs, "more than one parameter of type Run: one, two"),
        (takes_a_socket, "its payload can't be read from JSON"),
        (takes_the_unknown, "the type 'Unknown' of a parameter is not known"),
        (yields, "it is a generator"),
        (Feed, "it is not a function"),
    ],
)
def test_a_signature_that_cannot_work_fails_at_import(function: Any, says: str):
    with pytest.raises(TypeError) as error:
        task("t")(function)
    assert says in str(error.value)


def test_forgotten_parentheses_are_noticed():
    def works() -> None: ...

    with pytest.raises(TypeError, match=r"with parentheses"):
        task(works)  # type: ignore[arg-type]


# --- Payloads ---


def test_the_only_parameter_of_an_object_type_takes_the_whole_payload():
    @task()
    def model(feed: Feed) -> Any:
        return feed

    @task()
    def typed(row: Row) -> Any:
        return row

    @task()
    def data(point: Point, run: Run) -> Any:
        return point

    @task()
    def mapping(anything: dict[str, int]) -> Any:
        return anything

    @task()
    def either(what: Feed | Row) -> Any:
        return what

    assert called(model, '{"url": "a"}') == Feed(url="a")
    assert called(typed, '{"id": "3"}') == {"id": 3}
    assert called(data, '{"x": 1}') == Point(1, 0)
    assert called(mapping, '{"a": 1}') == {"a": 1}
    assert called(either, '{"id": 3}') == {"id": 3}


def test_a_parameter_called_payload_takes_the_whole_payload_whatever_its_type():
    @task()
    def add(payload: list[int]) -> int:
        return sum(payload)

    assert called(add, "[1, 2]") == 3


def test_other_parameters_are_the_keys_of_the_payload():
    @task()
    def fetch(url: str, since: datetime, run: Run, json: bool = True) -> Any:
        return url, since, json, run

    run = a_run()
    since = datetime(2026, 1, 2, tzinfo=UTC)
    assert called(fetch, '{"url": "a", "since": "2026-01-02T00:00:00Z"}', run) == ("a", since, True, run)
    assert fetch.signature.schema["properties"]["json"]["default"] is True
    assert fetch.signature.schema["required"] == ["url", "since"]


def test_an_empty_payload_leaves_the_function_its_default():
    @task()
    def fetch(feed: Feed = Feed(url="default")) -> str:  # noqa: B008
        return feed.url

    assert [called(fetch, text) for text in ("{}", "null", "")] == ["default"] * 3


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ('{"limit": "many"}', "url: Field required; limit: Input should be a valid integer"),
        ("[" * 5000, "recursion limit exceeded"),
        ('{"url": "\\ud800"}', "Invalid JSON"),
        ("7", "payload: Input should be"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_with_the_reason(payload: str, says: str):
    @task()
    def fetch(feed: Feed) -> None: ...

    with pytest.raises(BadPayload) as error:
        fetch.arguments(payload)
    assert says in str(error.value)


def test_a_refused_payload_is_not_quoted():
    class Login(BaseModel):
        password: int = Field(gt=0)

    @task()
    def log_in(login: Login) -> None: ...

    with pytest.raises(BadPayload) as error:
        log_in.arguments('{"password": "hunter2"}')
    assert "hunter2" not in str(error.value)


def test_a_key_without_a_parameter_is_refused():
    @task()
    def fetch(url: str) -> None: ...

    with pytest.raises(BadPayload, match="limit: Extra inputs are not permitted"):
        fetch.arguments('{"url": "a", "limit": 3}')


def test_encoding_checks_and_completes_a_payload():
    @task()
    def fetch(feed: Feed) -> None: ...

    @task()
    def tidy(since: datetime | None = None) -> None: ...

    assert fetch.encode(Feed(url="a")) == fetch.encode({"url": "a"}) == {"url": "a", "limit": 50}
    assert tidy.encode({"since": datetime(2026, 1, 2, tzinfo=UTC)}) == {"since": "2026-01-02T00:00:00Z"}
    assert tidy.encode(None) == {}
    with pytest.raises(BadPayload, match="url: Field required"):
        fetch.encode({})


# --- Retries and outcomes ---


def test_the_first_delays_are_the_documented_ones():
    even = [RetryPolicy().delay(attempt, chance=lambda: 0.5) for attempt in (1, 2, 3, 4, 5, 12, 13, 1000)]
    assert even == [1, 2, 4, 8, 16, 2048, 3600, 3600]


def test_jitter_moves_a_delay_by_a_tenth():
    policy = RetryPolicy(first=timedelta(seconds=10))
    assert (policy.delay(1, chance=lambda: 0), policy.delay(1, chance=lambda: 1)) == (9, 11)


def test_an_exception_type_can_have_its_own_policy_or_none():
    policy = RetryPolicy(jitter=0, never=(KeyError,), by_exception={OSError: RetryPolicy(first=60, jitter=0)})
    assert policy.delay(1, ValueError()) == 1
    assert policy.delay(1, ConnectionError()) == 60
    assert policy.delay(1, KeyError()) is None


def test_a_payload_that_does_not_fit_is_never_tried_again():
    assert RetryPolicy().delay(1, BadPayload("url: Field required")) is None


@pytest.mark.parametrize(
    "options",
    [{"first": -1}, {"first": 2, "cap": 1}, {"factor": 0.5}, {"jitter": 2}, {"cap": timedelta(days=367)}],
)
def test_a_policy_that_cannot_work_is_refused(options: dict[str, Any]):
    with pytest.raises(ValueError, match=r"has to be"):
        RetryPolicy(**options)


def test_an_outcome_can_be_raised_and_knows_its_delay_in_seconds():
    assert Retry().after is None
    assert Snooze(timedelta(minutes=2)).after == 120
    with pytest.raises(Outcome, match="gone"):
        raise Discard("gone")
    with pytest.raises(ValueError, match="between 0 seconds and 366 days"):
        Snooze(-1)


def test_a_run_that_waits_is_woken_when_it_is_told_to_stop():
    run = a_run()
    assert run.wait(0) is False
    run.stop("cancelled by ops")
    run.stop("too late")
    assert run.wait(60)
    assert (run.cancelled, run.cancel_reason) == (True, "cancelled by ops")


def test_the_instants_of_a_run_are_aware_and_in_utc():
    run = a_run(scheduled_for="2026-03-29T02:30:00+02:00")
    assert run.scheduled_for == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert run.run_at is None


# --- The registry ---


def test_a_name_is_given_once():
    @task("t")
    def one() -> None: ...

    with pytest.raises(ValueError, match=r"two.*the name is taken by .*one \(.*test_task.py, line \d+\)"):

        @task("t")
        def two() -> None: ...


def test_the_same_function_imported_again_replaces_itself(tasks: Registry):
    def make() -> Task[[], None]:
        @task("t")
        def one() -> None: ...

        return one

    make()
    again = make()
    assert list(tasks) == [again]


def test_an_unknown_name_is_answered_with_the_known_ones(tasks: Registry):
    @task("clean")
    def clean() -> None: ...

    with pytest.raises(UnknownTask, match="no task is called 'cleen' here") as error:
        tasks.get("cleen")
    assert error.value.hint == "Known are: clean."


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_modules_of_the_working_directory_are_found(project: Path):
    (project / "my_jobs.py").write_text(
        "from hourhand.tasks import task\n@task('mine')\ndef mine(n: int) -> int:\n    return n\n"
    )
    assert registry.load(["my_jobs"]).names == ["mine"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\n1 / 0\n", "failed in {file}, line 2: ZeroDivisionError: division by zero"),
        ("def (:\n", "failed in {file}, line 1: SyntaxError"),
        ("import surely_not_there\n", "failed in {file}, line 1: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)\n", "failed in {file}, line 1: SystemExit: 3"),
        (
            "from hourhand.tasks import task\n\n@task('t', timeout=-1)\ndef f() -> None: ...\n",
            "failed in {file}, line 3: ValueError: f can't be the task 't': timeout has to be",
        ),
    ],
)
def test_an_import_that_fails_names_file_line_and_reason(project: Path, source: str, says: str):
    file = project / "broken_jobs.py"
    file.write_text(source)
    with pytest.raises(TaskImportError) as error:
        registry.load(["broken_jobs"])
    assert says.format(file=file) in str(error.value)
    assert error.value.hint is not None


def test_a_module_that_is_not_there_says_where_it_was_looked_for(project: Path):
    with pytest.raises(TaskImportError, match=f"there is no module nowhere, neither in {project}"):
        registry.load(["nowhere"])


def test_a_file_name_is_answered_with_the_name_of_the_module(project: Path):
    with pytest.raises(TaskImportError) as error:
        registry.load(["jobs/feeds.py"])
    assert error.value.hint == "Write it as in an import: jobs.feeds."


def test_a_schema_is_plain_json():
    @task()
    def fetch(feed: Feed) -> None: ...

    assert json.loads(json.dumps(fetch.definition))["schema"]["required"] == ["url"]
