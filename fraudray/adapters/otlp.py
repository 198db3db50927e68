"""Where traces go, as the settings say. OpenTelemetry is imported only where an address is set."""

from __future__ import annotations

from importlib.util import find_spec

from fraudray.domain.errors import SettingsError
from fraudray.ports.tracing import NoTracer, Tracer
from fraudray.settings import Settings


def open_tracer(settings: Settings, *, service: str = "fraudray", for_libraries: bool = False) -> Tracer:
    """What sends spans to `otlp_url`, under the name `service`; keeps nothing without it. `close()` it.

    `for_libraries`: the spans that the MCP SDK makes in this process go there too.

    Raises SettingsError where OpenTelemetry is not installed.
    """
    if settings.otlp_url is None:
        return NoTracer()
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        raise SettingsError("otlp_url needs OpenTelemetry: pip install 'fraudray[llm]'")
    from fraudray.adapters.otlp_tracer import OtlpTracer

    tracer = OtlpTracer(settings.otlp_url, service)
    if for_libraries:
        tracer.for_libraries()
    return tracer
