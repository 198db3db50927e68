"""Which paths are the API's. Everything else on the public port is the analysts' page's."""

API_PATHS = (
    "/v1",
    "/mcp",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/redoc",
    "/static-offline-docs",
    "/llm",
    "/-",
)
"""Each with all that lies below it. `/-` is HAProxy's own."""


def is_api(path: str) -> bool:
    """Whether a request for that path is the API's."""
    return any(path == own or path.startswith(own + "/") for own in API_PATHS)
