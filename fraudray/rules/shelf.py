"""The read tools that policies ask: fraudray's three, and what each policy names beside them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol
from urllib.parse import urlsplit

from fraudray.domain.errors import PolicyError
from fraudray.domain.facts import Fact
from fraudray.evidence.context import ReadTool
from fraudray.evidence.geolocation import GeolocationChecker
from fraudray.evidence.identity import IdentityVerifier
from fraudray.evidence.own import OwnEvidence
from fraudray.evidence.transaction_risk import TransactionRisk
from fraudray.in_force import Rules
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.policy.schema import EvidenceSource, McpCall
from fraudray.ports.biometrics import BiometricMatcher
from fraudray.settings import RemoteTool, Settings

log = logging.getLogger(__name__)


class OwnTool(ReadTool, Protocol):
    """A read tool that a policy brought, and that ends with it."""

    def close(self) -> None: ...


def default_tools(matcher: BiometricMatcher | None = None) -> tuple[ReadTool, ...]:
    """The three read tools; biometric samples are compared by `matcher`, else by the built-in one."""
    return (TransactionRisk(), IdentityVerifier(matcher), GeolocationChecker())


class ToolShelf:
    """Builds the tools of a book. One that a later book names in the same way is kept, with its connection."""

    def __init__(
        self, settings: Settings, tools: Iterable[ReadTool] | None = None, matcher: BiometricMatcher | None = None
    ) -> None:
        self._settings = settings
        self._tools = default_tools(matcher) if tools is None else tuple(tools)
        self._own: dict[str, OwnTool] = {}
        self._latest: Rules | None = None

    def rules(self, book: PolicyBook) -> Rules:
        """The book with its tools. Raises PolicyError naming the policy and the evidence that cannot be had."""
        before = set(self._own)
        try:
            tools = {policy.document.name: (*self._tools, *self._own_tools(policy)) for policy in book}
        except PolicyError:
            for key in set(self._own) - before:
                _close(self._own.pop(key))
            raise
        self._latest = Rules(book, tools)
        return self._latest

    def retire(self, rules: Rules) -> None:
        """Close what these rules, now in force, do not name; nothing when later rules have been built since."""
        if rules is not self._latest:
            return
        used = {id(tool) for tools in rules.tools.values() for tool in tools}
        for key in [key for key, tool in self._own.items() if id(tool) not in used]:
            _close(self._own.pop(key))

    def close(self) -> None:
        """Close every tool that policies brought."""
        while self._own:
            _close(self._own.popitem()[1])

    def _own_tools(self, policy: Policy) -> list[OwnTool]:
        tools = []
        for name, source in policy.document.evidence.items():
            facts = tuple(fact for fact in policy.catalogue.values() if fact.tool == name)
            key = f"{name} {source.model_dump_json()} {facts}"
            if key not in self._own:
                try:
                    self._own[key] = self._build(name, source, facts)
                except (Exception, SystemExit) as error:
                    said = str(error) if isinstance(error, _NotSet) else f"{type(error).__name__}: {error}"[:300]
                    raise policy.source.error(f"{name} cannot be set up: {said}", ("evidence", name)) from error
            tools.append(self._own[key])
        return tools

    def _build(self, name: str, source: EvidenceSource, facts: tuple[Fact, ...]) -> OwnTool:
        if source.mcp is None:
            return OwnEvidence(name, facts)
        return _remote(name, source.mcp, facts, self._server(name))

    def _server(self, name: str) -> RemoteTool:
        server = self._settings.remote_tools.get(name)
        if server is None:
            example = f'{{"{name}": {{"url": "https://..."}}}}'
            raise _NotSet(f"the setting remote_tools says no address for it (FRAUDRAY_REMOTE_TOOLS='{example}')")
        place = urlsplit(server.url)
        allowed = {host.lower() for host in self._settings.remote_hosts}
        if not {place.hostname, place.netloc.lower()} & allowed:
            raise _NotSet(f"{place.netloc} is not among the hosts allowed (FRAUDRAY_REMOTE_HOSTS={place.netloc})")
        return server


class _NotSet(ValueError):
    """A setting is missing."""


def _remote(name: str, call: McpCall, facts: tuple[Fact, ...], server: RemoteTool) -> OwnTool:
    try:
        from fraudray.adapters.remote_mcp import RemoteEvidence
    except ModuleNotFoundError as error:
        raise _NotSet(f"MCP needs {error.name}: pip install 'fraudray[serve]'") from None
    token = server.token.get_secret_value() if server.token else None
    return RemoteEvidence(name, call, facts, url=server.url, token=token, limit_s=server.limit_ms / 1000)


def _close(tool: OwnTool) -> None:
    try:
        tool.close()
    except Exception as error:
        log.error("%s did not close: %s", tool.name, type(error).__name__, exc_info=error)
