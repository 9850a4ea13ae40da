"""Traces, recorded by the SDK of OpenTelemetry in memory, and by a server that takes OTLP."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanContext, StatusCode, Tracer, get_current_span

from hourhand import log, tracing
from hourhand.client import Client
from hourhand.errors import Conflict
from hourhand.outcome import Retry
from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport import Transport
from hourhand_scheduler.scheduler import Scheduler
from tests.monitoring.conftest import Receiver
from tests.scheduler.conftest import Insert, insert, scheduler, settings
from tests.support import eventually
from tests.worker import process_tasks
from tests.worker.conftest import shop
from tests.worker.workshop import Workshop

__all__ = ["insert", "scheduler", "settings", "shop"]

Sql = Callable[..., list[Any]]


class Recorder:
    """What this process records."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = self._provider.get_tracer("tests")

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    # The provider of a process can be set only once, and other tests are in this one.
    monkeypatch.setattr(tracing, "tracer", lambda: recorder.tracer)
    return recorder


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url) as client:
        yield client


def traceparent(span: Span | ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return _written(context)


def linked(span: ReadableSpan) -> list[str]:
    return [_written(link.context) for link in span.links]


def _written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def told(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


# --- Who asks ---


def test_every_way_to_ask_for_runs_keeps_the_span(
    shop: Workshop, client: Client, recorder: Recorder, sql: Sql
) -> None:
    client.schedules.create("nightly", "t", cron="0 3 * * *")
    with recorder.tracer.start_as_current_span("request") as span:
        first = client.enqueue("t")
        client.enqueue("t", key="k")
        client.enqueue_many("t", [{"n": 1}, {"n": 2}])
        client.enqueue_many("t", [{"n": 1}], key=str)
        client.enqueue_many("t", [{"n": 2}], key=lambda _: "k", on_conflict="replace")
        client.copy_runs("t", [{"n": 1}])
        client.schedules.trigger("nightly")
    asked = sql("select trace_context, count(*) from hourhand.job_runs group by 1")
    assert asked == [(traceparent(span), 7)]
    assert client.call("get_run", p_run_id=first.id)["trace_context"] == traceparent(span)


def test_outside_of_any_span_nothing_is_kept(client: Client, sql: Sql) -> None:
    client.enqueue("t")
    assert sql("select trace_context from hourhand.job_runs") == [(None,)]


def test_what_is_no_traceparent_is_left_out(client: Client, sql: Sql) -> None:
    client.call("enqueue", p_task="t", p_trace_context="00-zz")
    client.call("enqueue_many", p_jobs=[{"task": "t", "trace_context": "x" * 1000}])
    assert sql("select trace_context from hourhand.job_runs") == [(None,), (None,)]


def test_a_retry_belongs_to_who_asks_for_it_else_to_who_asked_first(
    shop: Workshop, client: Client, recorder: Recorder, sql: Sql
) -> None:
    @task("t")
    def work() -> None: ...

    with recorder.tracer.start_as_current_span("request") as request:
        first = client.enqueue("t")
    shop.drain()
    client.runs.retry(first.id)
    with recorder.tracer.start_as_current_span("repair") as repair:
        client.runs.retry(first.id)
    found = sql("select trace_context from hourhand.job_runs where retry_of is not null order by id")
    assert found == [(traceparent(request),), (traceparent(repair),)]


# --- Who runs ---


def test_the_span_of_an_attempt_is_a_trace_of_its_own_with_a_link(
    shop: Workshop, client: Client, recorder: Recorder
) -> None:
    @task("t", queue="q")
    def work() -> None: ...

    with recorder.tracer.start_as_current_span("request") as request:
        run = client.enqueue("t")
    shop.drain(queues=("q",))
    span = recorder.one("run t")
    assert span.parent is None
    assert linked(span) == [traceparent(request)]
    assert dict(told(span)) == {
        "messaging.system": "hourhand",
        "messaging.operation.type": "process",
        "messaging.destination.name": "q",
        "hourhand.task": "t",
        "hourhand.run_id": run.id,
        "hourhand.attempt": 1,
        "hourhand.outcome": "completed",
    }


def test_what_a_task_logs_names_its_trace(shop: Workshop, client: Client, recorder: Recorder) -> None:
    @task("t")
    def work(run: Run) -> None:
        run.log.info("at work")

    run = client.enqueue("t")
    with log.captured() as lines:
        shop.drain()
    [line] = [line for line in lines if line.event == "run.log"]
    made = recorder.one("run t").get_span_context()
    assert made is not None
    assert (line.fields["run_id"], line.fields["trace_id"]) == (run.id, f"{made.trace_id:032x}")


def test_it_is_a_child_where_that_is_wanted(shop: Workshop, client: Client, recorder: Recorder) -> None:
    @task("t")
    async def work() -> None: ...

    with recorder.tracer.start_as_current_span("request") as request:
        client.enqueue("t")
    client.enqueue("t")
    shop.drain(traces="child")
    child, alone = recorder.named("run t")
    assert child.parent is not None
    assert _written(child.parent) == traceparent(request)
    assert (child.links, alone.parent) == ((), None)


@pytest.mark.parametrize("kind", ["thread", "async", "process"])
def test_what_a_task_asks_for_comes_from_its_own_span(
    shop: Workshop, client: Client, recorder: Recorder, sql: Sql, kind: str
) -> None:
    async def coroutine(run: Run) -> None:
        assert get_current_span().is_recording()
        await run.enqueue_async("apart-adds", {"a": 1, "b": 2})

    def function(run: Run) -> None:
        assert get_current_span().is_recording()
        run.enqueue("apart-adds", {"a": 1, "b": 2})

    if kind == "process":
        name = process_tasks.tells.name
        shop.tasks.add(process_tasks.tells)
    else:
        name = task("t")(coroutine if kind == "async" else function).name
    parent = client.enqueue(name, queue="q")
    shop.drain(queues=("q",))
    assert shop.status(parent.id) == "completed", shop.run(parent.id)["error"]
    asked = sql("select trace_context from hourhand.job_runs where parent_id = %s", parent.id)
    assert asked == [(traceparent(recorder.one(f"run {name}")),)]


def test_steps_of_a_sequence_belong_to_who_asked_for_it(
    shop: Workshop, client: Client, recorder: Recorder
) -> None:
    @task("t")
    def work() -> None: ...

    with recorder.tracer.start_as_current_span("request") as request:
        client.enqueue("hourhand.sequence", {"steps": [{"task": "t"}]})
    shop.drain()
    assert linked(recorder.one("run t")) == [traceparent(request)]


def test_errors_are_told_without_their_secrets(shop: Workshop, client: Client, recorder: Recorder) -> None:
    @task("t", max_attempts=2)
    def work(run: Run) -> None:
        if run.attempt == 1:
            raise Retry(after=0)
        raise ValueError("postgresql://ann:secret@db is not there")

    client.enqueue("t")
    shop.drain()
    first, second = recorder.named("run t")
    assert (told(first)["hourhand.outcome"], told(first)["hourhand.attempt"]) == ("retry", 1)
    assert (told(second)["hourhand.outcome"], told(second)["hourhand.attempt"]) == ("failed", 2)
    assert second.status.status_code is StatusCode.ERROR
    [event] = second.events
    assert event.attributes is not None
    assert event.attributes["exception.type"] == "ValueError"
    assert "work" in str(event.attributes["exception.stacktrace"])
    assert "secret" not in str([*event.attributes.values(), second.status.description])


@pytest.mark.parametrize("broken", ["on_start", "on_end"])
def test_broken_tracing_harms_no_run(
    shop: Workshop, client: Client, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    class Broken(SpanProcessor):
        pass

    def fail(*_: object) -> None:
        raise RuntimeError("no")

    setattr(Broken, broken, fail)
    provider = TracerProvider()
    provider.add_span_processor(Broken())
    monkeypatch.setattr(tracing, "tracer", lambda: provider.get_tracer("tests"))

    @task("t", max_attempts=1)
    def work() -> str:
        return "done"

    run = client.enqueue("t")
    with log.captured() as lines:
        shop.drain()
    assert shop.run(run.id)["result"] == "done"
    assert [line.level for line in lines if line.event == "traces.failed"] == ["WARNING"]


def test_a_task_that_is_out_of_time_has_an_end_at_once(
    shop: Workshop, client: Client, recorder: Recorder
) -> None:
    release = threading.Event()

    @task("t", max_attempts=1, timeout=0.2)
    def work() -> None:
        release.wait(30)

    client.enqueue("t")
    with shop.working():
        eventually(lambda: recorder.named("run t"))
        release.set()
    span = recorder.one("run t")
    assert told(span)["hourhand.outcome"] == "failed"
    assert "TimeoutError" in str(span.status.description)


def test_a_run_that_is_given_back_says_so(shop: Workshop, client: Client, recorder: Recorder) -> None:
    begun = threading.Event()

    @task("t")
    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    client.enqueue("t")
    with shop.working(shutdown=0):
        assert begun.wait(20)
    assert told(recorder.one("run t"))["hourhand.outcome"] == "released"


# --- Who fires ---


def test_runs_of_schedules_belong_to_the_span_that_fired_them(
    scheduler: Scheduler, insert: Insert, recorder: Recorder, sql: Sql
) -> None:
    insert("news", due=timedelta(minutes=1))
    scheduler.finish()
    span = recorder.one("fire schedules")
    assert told(span)["hourhand.schedules"] == ("news",)
    assert sql("select trace_context from hourhand.job_runs") == [(traceparent(span),)]


def test_a_firing_that_fails_is_an_error(recorder: Recorder) -> None:
    with pytest.raises(Conflict), tracing.producing("fire schedules", {}):
        raise Conflict("not now")
    assert recorder.one("fire schedules").status.status_code is StatusCode.ERROR


# --- Without OpenTelemetry ---

WITHOUT = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
from hourhand import tracing
tracing.start("tests")
from hourhand import Client, registry, task
from hourhand.run import Run
from hourhand.settings import load_settings
from hourhand_worker.inprocess import drain
import hourhand_scheduler.daemon, hourhand_worker.daemon

@task("t")
def work(run: Run) -> None:
    run.enqueue("other")

with Client(sys.argv[1]) as client:
    client.enqueue("t")
    client.call("enqueue", p_task="t", p_trace_context=sys.argv[2])
    drain(client.transport, client.settings, registry.current())
"""


def test_a_worker_without_it_hands_on_what_a_run_has_brought(database_url: str, sql: Sql) -> None:
    span = f"00-{1:032x}-{2:016x}-01"
    subprocess.run([sys.executable, "-c", WITHOUT, database_url, span], check=True, timeout=60)
    children = sql("select trace_context from hourhand.job_runs where task = 'other' order by parent_id")
    assert children == [(None,), (span,)]


def test_no_daemon_loads_it_unasked() -> None:
    told = (
        "import sys, hourhand, hourhand_scheduler.daemon, hourhand_worker.daemon; from hourhand import tracing\n"
        "tracing.start('tests'); tracing.current(); sys.exit(any('opentelemetry' in name for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", told], check=True, timeout=60)


def test_it_says_when_it_is_asked_for_and_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with log.captured() as lines:
        tracing.start("tests")
    assert [(line.level, line.event) for line in lines] == [("WARNING", "traces.missing")]


# --- Where they go ---

EXPORTED = """
from hourhand import task

@task("t")
def work():
    return 1
"""


def spans_of(receiver: Receiver) -> set[tuple[str, str]]:
    """Service and name of what an OTLP server has been sent."""
    found = set()
    for posted in receiver.posted:
        for resource in ExportTraceServiceRequest.FromString(posted.body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            found |= {
                (names["service.name"], span.name) for scope in resource.scope_spans for span in scope.spans
            }
    return found


UNHEARD = """
import time
from opentelemetry import trace
from hourhand import tracing
tracing.start("tests")
with trace.get_tracer("tests").start_as_current_span("unheard"):
    pass
began = time.monotonic()
tracing.end()
print(time.monotonic() - began)
"""


def test_a_server_that_takes_nothing_holds_up_no_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "60",
        }
        told = subprocess.check_output(
            [sys.executable, "-c", UNHEARD], env={**os.environ, **environment}, timeout=25
        )
    assert 2 <= float(told) < 20


def test_daemons_send_them_where_the_environment_says(
    shop: Workshop, transport: Transport, receiver: Receiver
) -> None:
    assert OTLPSpanExporter  # the extra is installed
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    shop.enqueue("t")
    worker = shop.spawn(EXPORTED, "--drain", **environment)
    transport.call("put_schedule", {"p_schedule": {"name": "s", "task": "t", "every": 1}})
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "hourhand", "scheduler"],
        env={**os.environ, **environment, "DATABASE_URL": shop.url, "OTEL_SERVICE_NAME": "clock", "OTEL_BSP_SCHEDULE_DELAY": "100"},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        eventually(lambda: ("clock", "fire schedules") in spans_of(receiver), 30)
    finally:
        scheduler.terminate()
        scheduler.wait(20)
    assert worker.wait() == 0
    assert ("hourhand-worker", "run t") in spans_of(receiver)
