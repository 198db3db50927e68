"""Who asks, and what they may: four scopes, and the principal that every request is made for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fraudray.domain.errors import FieldProblem, Forbidden, InvalidTransaction

AUTHOR_MAX = 128


class Scope(StrEnum):
    """What a key allows. `admin` holds all others; these hold nothing but themselves."""

    DECIDE = "decide"
    READ = "read"
    ACT = "act"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request is made for: the holder of a key, or (`key_id` is None) someone who needs none."""

    name: str
    scopes: frozenset[Scope]
    key_id: str | None = None

    def may(self, needed: frozenset[Scope]) -> bool:
        """Whether one of the scopes needed is held; nothing needed is allowed to all."""
        return not needed or Scope.ADMIN in self.scopes or not needed.isdisjoint(self.scopes)

    def require(self, needed: frozenset[Scope], what: str) -> None:
        """Raise Forbidden, naming the scope, when `what` may not be done."""
        if not self.may(needed):
            raise Forbidden(f"the key {self.name} lacks the scope {' or '.join(sorted(needed))}, which {what} needs")

    def author(self, claimed: str) -> str:
        """The author of an act: what is claimed stands behind the name of the key, which is known."""
        if self.key_id is None:
            return (claimed or self.name)[:AUTHOR_MAX]
        return f"{self.name}/{claimed}"[:AUTHOR_MAX] if claimed else self.name


_ALL = frozenset(Scope)
ANYONE = Principal("http", _ALL)
"""Whoever reaches a server on loopback that has no keys."""
LOCAL = Principal("local", _ALL)
"""Whoever can read the data folder of the running server."""


def parse_scopes(given: object) -> frozenset[Scope]:
    """The scopes named. Raises InvalidTransaction naming those that do not exist."""
    known = ", ".join(Scope)
    if not isinstance(given, Iterable) or isinstance(given, str | bytes):
        raise InvalidTransaction([FieldProblem("scopes", "list_type", f"is a list of {known}")])
    problems, scopes = [], set()
    for index, name in enumerate(given):
        try:
            scopes.add(Scope(name))
        except ValueError:
            problems.append(FieldProblem(f"scopes.{index}", "scope", f"is no scope; there are {known}"))
    if not scopes and not problems:
        problems = [FieldProblem("scopes", "missing", f"is needed: one or more of {known}")]
    if problems:
        raise InvalidTransaction(problems[:20])
    return frozenset(scopes)
