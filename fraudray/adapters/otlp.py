"""Where traces go, as the settings say. OpenTelemetry is imported only where an address is set."""

from __future__ import annotations

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
    try:
        from fraudray.adapters.otlp_tracer import OtlpTracer
    except ModuleNotFoundError as missing:  # Ray brings parts of it
        raise SettingsError(f"otlp_url: {missing}; it needs pip install 'fraudray[llm]'") from None

    tracer = OtlpTracer(settings.otlp_url, service)
    if for_libraries:
        tracer.for_libraries()
    return tracer
