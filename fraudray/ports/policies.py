"""Where the versions of policies are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fraudray.domain.policy_version import PolicyAct, PolicyVersion


class PolicyVersions(Protocol):
    """Versions and acts by the policy's name; nothing is ever changed or removed. Raises StoreFailed."""

    def versions(self, name: str, *, limit: int = 100, offset: int = 0) -> list[PolicyVersion]:
        """The newest first."""
        ...

    def version(self, name: str, number: int) -> PolicyVersion:
        """One of them. Raises NotFound."""
        ...

    def text(self, name: str, number: int) -> str:
        """Its text. Raises NotFound."""
        ...

    def same(self, name: str, digest: str) -> PolicyVersion | None:
        """The version that has the text of this hash."""
        ...

    def called(self, name: str, version: str) -> PolicyVersion | None:
        """The newest version whose text calls itself so."""
        ...

    def add(self, version: PolicyVersion, text: str) -> PolicyVersion:
        """Keep a version under the next free number, which it is answered with; one with the same text is answered as
        it is. Raises Refused when there are too many."""
        ...

    def names(self) -> list[str]:
        """The policies of which anything was ever put in force here."""
        ...

    def acts(self, name: str) -> list[PolicyAct]:
        """What came into force, the first first."""
        ...

    def act(self, acts: Sequence[PolicyAct]) -> None:
        """Record what comes into force, all of it or nothing."""
        ...
