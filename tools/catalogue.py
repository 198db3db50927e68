"""The six tools: what each is called, where it is built, whether it reads or acts. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fraudray.tools.provider import AppProvider
    from fraudray.tools.server import ToolServer


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """One MCP server. `port` is where it listens when it runs alone over HTTP and nothing else is said."""

    name: str
    module: str
    kind: Literal["read", "act"]
    port: int
    summary: str

    @property
    def path(self) -> str:
        """Where it is served over HTTP, alone and on the server."""
        return f"/mcp/{self.name}"

    def build(self, provider: AppProvider) -> ToolServer:
        """The server, answering from what `provider` opens."""
        server: ToolServer = import_module(self.module).build_server(provider)
        return server


def _entry(name: str, kind: Literal["read", "act"], port: int, summary: str) -> ToolEntry:
    return ToolEntry(name, "fraudray.tools." + name.replace("-", "_"), kind, port, summary)


TOOLS = (
    _entry("transaction-risk", "read", 8101, "amount, merchant, country, channel, habit, velocity; histories"),
    _entry("identity-verifier", "read", 8102, "the customer's devices, addresses, sample; who shares them"),
    _entry("geolocation-checker", "read", 8103, "places, travel and the IP address's country"),
    _entry("email-alerts", "act", 8104, "e-mail alerts about decided transactions"),
    _entry("fraud-logger", "act", 8105, "fraud cases: log, search, read, close"),
    _entry("report-generator", "act", 8106, "reports of cases and of periods: JSON, HTML, PDF"),
)


def find(name: str) -> ToolEntry:
    """The entry of that name. Raises KeyError."""
    for entry in TOOLS:
        if entry.name == name:
            return entry
    raise KeyError(name)
