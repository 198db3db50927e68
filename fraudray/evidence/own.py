"""A policy's own evidence, held to what it declared: whatever else it answers makes it unavailable, not a decision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from fraudray.domain.cards import mask
from fraudray.domain.evidence import Item
from fraudray.evidence.context import Inquiry, ReadTool
from fraudray.policy.extensions import EVIDENCE, load
from fraudray.policy.facts import Fact, Kind

TEXT_MAX = 500
ITEMS_MAX = 32
KEYS_MAX = 64
_TYPES: dict[Kind, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "double": (int, float), "string": (str,)}


class BadAnswer(Exception):
    """A source answered what it did not declare; the text says what, never with the value."""


class OwnEvidence:
    """A Python class of another package as a read tool. Its findings are checked, bounded and masked."""

    def __init__(self, name: str, facts: Iterable[Fact]) -> None:
        """Builds the class behind the entry point `name`; whatever its constructor raises propagates."""
        self.name = name
        self._source: ReadTool = load(EVIDENCE, name)()
        self.local = bool(getattr(self._source, "local", False))
        self.limit_s: float | None = getattr(self._source, "limit_s", None)
        self._facts = tuple(facts)

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """See `ReadTool.gather`. Raises BadAnswer."""
        return checked(self._source.gather(inquiry), self._facts)

    def close(self) -> None:
        """Let the source close what it opened, where it can."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


def checked(items: Any, facts: Iterable[Fact]) -> dict[str, Item]:
    """Findings as plain values, with every declared fact of its kind. Raises BadAnswer."""
    if not isinstance(items, dict) or len(items) > ITEMS_MAX:
        raise BadAnswer(f"answered no mapping of at most {ITEMS_MAX} items")
    found = {str(name): _plain_item(str(name), item) for name, item in items.items()}
    for fact in facts:
        value = found.get(fact.item, {}).get(fact.key)
        if value is not None and not _fits(value, fact.kind):
            raise BadAnswer(f"{fact.name} is {type(value).__name__}, not {fact.kind}")
        if fact.kind == "double" and isinstance(value, int):
            found[fact.item][fact.key] = float(value)
    return found


def _fits(value: Any, kind: Kind) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def _plain_item(name: str, item: Any) -> Item:
    if not isinstance(item, dict) or len(item) > KEYS_MAX:
        raise BadAnswer(f"the item {name[:40]} is no mapping of at most {KEYS_MAX} values")
    return {str(key)[:100]: _plain(f"{name}.{key}", value) for key, value in item.items()}


def _plain(where: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return mask(value[:TEXT_MAX])
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise BadAnswer(f"{where[:80]} is {type(value).__name__}, not text, a number in range, true, false or null")
