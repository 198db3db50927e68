"""The rules that decide: policies and the tools that they ask, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fraudray.domain.transaction import Transaction
from fraudray.evidence.context import ReadTool
from fraudray.evidence.gather import Gatherer
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides from now on: a book of policies and, for each by name, the read tools that it asks."""

    book: PolicyBook
    tools: Mapping[str, tuple[ReadTool, ...]]


class InForce:
    """Rules ready to use; one decision sees one set of them."""

    def __init__(self, rules: Rules, *, limit_s: float) -> None:
        self.book = rules.book
        self._gatherers = {name: Gatherer(tools, limit_s=limit_s) for name, tools in rules.tools.items()}
        self.waits = any(gatherer.waits for gatherer in self._gatherers.values())

    def choose(self, tx: Transaction) -> tuple[Policy, Gatherer]:
        """The policy for a transaction, and who asks its tools."""
        policy = self.book.choose(tx)
        return policy, self._gatherers[policy.document.name]

    def close(self) -> None:
        """Let the threads that ask tools end."""
        for gatherer in self._gatherers.values():
            gatherer.close()
