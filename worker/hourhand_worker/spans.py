"""A span of OpenTelemetry for each attempt, where the worker's process has loaded it."""

from typing import TYPE_CHECKING

from hourhand import log, tracing
from hourhand_worker.attempt import Attempt, Result, Stop

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue


class Spans:
    """Each is linked with the span that asked for the run or, with `as_children`, a child of it.

    A worker that makes none hands on what the run has brought along. Whatever a processor of spans raises, it
    harms no run.
    """

    def __init__(self, *, as_children: bool) -> None:
        self._as_children = as_children
        self._tracer = tracing.tracer()

    def begin(self, attempt: Attempt) -> None:
        """In the context (of `contextvars`) in which the task's function is about to be called."""
        asked_in = attempt.row.get("trace_context")
        if self._tracer is not None:
            try:
                if self._start(self._tracer, attempt, asked_in):
                    return
            except Exception as error:  # noqa: BLE001
                _tell_trouble(error)
        if asked_in is not None:
            tracing.carry(asked_in)

    def end(self, attempt: Attempt, result: Result | None) -> None:
        """`result` is None when its end does not count: it was given back, or is no longer ours."""
        span, attempt.span = attempt.span, None
        if span is None:
            return
        gone = "released" if attempt.stop is Stop.SHUTDOWN else "lost"
        try:
            _finish(span, gone if result is None else result["outcome"], result or {})
        except Exception as error:  # noqa: BLE001
            _tell_trouble(error)

    def _start(self, tracer: "Tracer", attempt: Attempt, asked_in: str | None) -> bool:
        """False where there is nothing to be in, as without an SDK."""
        from opentelemetry import context, trace

        origin = tracing.remote(asked_in)
        asking = trace.get_current_span(origin).get_span_context()
        span = tracer.start_span(
            f"run {attempt.task.name}",
            origin if self._as_children else context.Context(),
            kind=trace.SpanKind.CONSUMER,
            attributes=_attributes(attempt),
            links=[trace.Link(asking)] if asking.is_valid and not self._as_children else [],
        )
        made = span.get_span_context()
        if not made.is_valid:
            return False
        attempt.span = span
        log.bind(trace_id=f"{made.trace_id:032x}")
        context.attach(trace.set_span_in_context(span))
        return True


def _attributes(attempt: Attempt) -> "dict[str, AttributeValue]":
    return {
        "messaging.system": "hourhand",
        "messaging.operation.type": "process",
        "messaging.destination.name": attempt.run.queue,
        "hourhand.task": attempt.task.name,
        "hourhand.run_id": attempt.id,
        "hourhand.attempt": attempt.run.attempt,
    }


def _finish(span: "Span", outcome: str, result: Result) -> None:
    span.set_attribute("hourhand.outcome", outcome)
    if outcome in ("failed", "retry"):
        _tell_error(span, result.get("error") or {})
    span.end()


def _tell_trouble(error: Exception) -> None:
    log.event("traces.failed", "WARNING", "A span could not be made or sent", error=error)


def _tell_error(span: "Span", error: dict[str, str]) -> None:
    """From the result, whose secrets are taken out already, whichever process the task ran in."""
    from opentelemetry.trace import Status, StatusCode

    kind, message = error.get("class", ""), error.get("message", "")
    told = {
        "exception.type": kind,
        "exception.message": message,
        "exception.stacktrace": error.get("traceback", ""),
    }
    span.add_event("exception", {name: text for name, text in told.items() if text})
    span.set_status(Status(StatusCode.ERROR, ": ".join(filter(None, [kind, message]))))
