"""Spans by OpenTelemetry, sent in the background over HTTP. Needs the extra `llm`; see `otlp.open_tracer`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fraudray.ports.tracing import Attribute

SEND_LIMIT_S = 3.0
SEND_EVERY_MS = 1000
WAITING_MAX = 4096
_HEADER = "traceparent"


class OtlpSpan:
    """Implements `ports.tracing.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.said_why = False
        """Whether it was said already why it failed."""

    @property
    def traceparent(self) -> str | None:
        """See `Span.traceparent`."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self._span, Context()))
        return carrier.get(_HEADER)

    def note(self, name: str, value: Attribute) -> None:
        """See `Span.note`."""
        self._span.set_attribute(name, value)

    def failed(self, why: str) -> None:
        """See `Span.failed`."""
        self.said_why = True
        self._span.set_status(Status(StatusCode.ERROR, why))


class OtlpTracer:
    """Implements `ports.tracing.Tracer`. Parents are given, never taken from the surroundings: spans of interleaved
    tasks must not become each other's children."""

    def __init__(self, url: str, service: str) -> None:
        exporter = OTLPSpanExporter(endpoint=url, timeout=SEND_LIMIT_S)
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=WAITING_MAX, schedule_delay_millis=SEND_EVERY_MS)
        )
        self._tracer = self._provider.get_tracer("fraudray")

    def for_libraries(self) -> None:
        """Let libraries that trace themselves (the MCP SDK) send their spans the same way, once in a process."""
        trace.set_tracer_provider(self._provider)

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Attribute] | None = None, parent: str | None = None
    ) -> Iterator[OtlpSpan]:
        """See `Tracer.span`. A parent that is no traceparent counts as none."""
        context = TraceContextTextMapPropagator().extract({_HEADER: parent} if parent else {}, Context())
        span = self._tracer.start_span(name, context, attributes=dict(attributes or {}))
        told = OtlpSpan(span)
        try:
            yield told
        except GeneratorExit:
            raise
        except BaseException as error:
            if not told.said_why:
                told.failed(type(error).__name__)  # its message may quote the transaction
            raise
        finally:
            span.end()

    def close(self) -> None:
        """See `Tracer.close`."""
        self._provider.shutdown()
