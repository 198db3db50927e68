"""The read-only MCP servers as a deployment of their own, on the store that the gateway owns (DESIGN 15).

What an investigation asks further is answered here, beside the deciding process: the store is only read. A replica
holds no state, so there may be any number.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ray import serve

from fraudray.adapters.otlp import open_tracer
from fraudray.adapters.sql.beside import refuse_in_memory
from fraudray.domain.research import Subject
from fraudray.settings import Settings, load_settings
from fraudray.tools.callers import InProcessCaller
from fraudray.tools.reply import McpReply
from fraudray.tools.shared_store import SharedStoreProvider

LIMIT_S_MAX = 30.0
CALLS_MAX = 64
HEALTH_LIMIT_S = 10.0


@serve.deployment(max_ongoing_requests=CALLS_MAX)
class McpTools:
    """Answers calls by handle. Opens the store with the first one: the gateway may still be making it."""

    def __init__(self, settings: Settings | None = None) -> None:
        """On the store of `settings` (of the replica's environment where none are given). Where they name a collector,
        the servers make a span of each call, within its `traceparent`.

        Raises SettingsError for a database in memory.
        """
        settings = settings or load_settings()
        refuse_in_memory(settings.database_url)
        self._tracer = open_tracer(settings, service="fraudray-mcp-tools", for_libraries=True)
        self._provider = SharedStoreProvider(settings)
        self._caller = InProcessCaller(self._provider)

    async def call(
        self, server: str, tool: str, arguments: dict[str, Any], traceparent: str | None, limit_s: float
    ) -> McpReply:
        """What a tool answers, within the limit (at most 30 s). Failures are replies too."""
        try:
            async with asyncio.timeout(min(limit_s, LIMIT_S_MAX)):
                return await self._caller.call(server, tool, arguments, traceparent, limit_s)
        except TimeoutError:
            return McpReply(error=f"no answer within {limit_s:.3g} s")

    async def subject(self, transaction_id: str) -> Subject:
        """What questions about a transaction are asked with. Raises NotFound, StoreFailed."""

        def look() -> Subject:
            with self._provider.research() as research:
                return research.subject(transaction_id)

        return await asyncio.to_thread(look)

    async def check_health(self) -> None:
        """Fails, so that the replica is replaced, when a store that it had open answers no more."""
        async with asyncio.timeout(HEALTH_LIMIT_S):
            await asyncio.to_thread(self._provider.check)

    def __del__(self) -> None:
        """Let go of the store when the replica stops."""
        if hasattr(self, "_provider"):
            self._provider.close()
            self._tracer.close()
