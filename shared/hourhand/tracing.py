"""OpenTelemetry traces: the span in which a run is asked for goes along with it, and daemons make spans.

A program that has not loaded OpenTelemetry is in no span, so nothing here loads it; daemons do, when the
environment says where spans are sent.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AttributeValue

_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_LONGEST_END = 2.0  # seconds

_provider: "TracerProvider | None" = None  # if it is ours
_carried: ContextVar[str | None] = ContextVar("hourhand_traceparent", default=None)


def start(service: str) -> None:
    """Send this daemon's spans where the environment says, unless the program has seen to it already."""
    global _provider
    if not any(map(os.environ.get, _ADDRESSES)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        from hourhand import log

        message = f"No traces are sent: {error}. Install hourhand[otel]."
        log.event("traces.missing", "WARNING", message)
        return
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    named = Resource({"service.name": service}).merge(OTELResourceDetector().detect())
    # Left to itself it holds up the end of the process for as long as nobody takes its spans.
    _provider = TracerProvider(resource=Resource.create().merge(named), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(_provider)


def end() -> None:
    """Send the last spans; what nobody takes within two seconds is dropped."""
    if _provider is not None:
        sending = Thread(target=_provider.shutdown, name="hourhand-traces", daemon=True)
        sending.start()
        sending.join(_LONGEST_END)


def tracer() -> "Tracer | None":
    """Makes spans; None in a program that has not loaded OpenTelemetry."""
    if not _is_loaded():
        return None
    from opentelemetry import trace

    return trace.get_tracer("hourhand")


def current() -> str | None:
    """The span that the caller is in, as the W3C's header `traceparent`; None outside of any."""
    if _is_loaded():
        from opentelemetry import trace

        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    return _carried.get()


def mark() -> dict[str, str]:
    """The same as a field of what is enqueued; empty outside of any."""
    span = current()
    return {} if span is None else {"trace_context": span}


def carry(traceparent: str) -> None:
    """Be in a span of another program for as long as the context (of `contextvars`) of the caller lasts."""
    _carried.set(traceparent)
    if _is_loaded():
        from opentelemetry import context

        context.attach(remote(traceparent))


def remote(traceparent: str | None) -> "Context":
    """A context within a span of another program; an empty one for what is no traceparent."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent or ""}, Context())


@contextmanager
def producing(name: str, attributes: "Mapping[str, AttributeValue]") -> Iterator[None]:
    """A span of its own for what makes runs. Errors are kept with it."""
    maker = tracer()
    if maker is None:
        yield
        return
    from opentelemetry.trace import SpanKind

    with maker.start_as_current_span(name, kind=SpanKind.PRODUCER, attributes=attributes):
        yield


def _is_loaded() -> bool:
    return "opentelemetry.trace" in sys.modules
