"""A policy's own evidence, held to what it declared: whatever else it answers makes it unavailable, not a decision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

from fraudray.domain.cards import contains_card_number
from fraudray.domain.evidence import Item
from fraudray.domain.facts import Fact, Kind
from fraudray.domain.text import shown_text
from fraudray.evidence.context import Inquiry
from fraudray.policy.extensions import EVIDENCE, load

TEXT_MAX = 500
NAME_MAX = 100
ITEMS_MAX = 32
KEYS_MAX = 64
_TYPES: dict[Kind, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "double": (int, float), "string": (str,)}


class BadAnswer(Exception):
    """A source answered what it did not declare, or not at all; the text says what, never with a value."""


class Source(Protocol):
    """What the class behind an entry point does. Beside it `local` and `limit_s` are read, where it has them."""

    def gather(self, inquiry: Inquiry) -> dict[str, Item]: ...


class OwnEvidence:
    """A Python class of another package as a read tool. Its findings are checked, bounded and masked."""

    def __init__(self, name: str, facts: Iterable[Fact]) -> None:
        """Builds the class behind the entry point `name`; whatever its constructor raises propagates."""
        self.name = name
        self._source: Source = load(EVIDENCE, name)()
        self.local = bool(getattr(self._source, "local", False))
        self.limit_s: float | None = getattr(self._source, "limit_s", None)
        self._facts = tuple(facts)

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """See `ReadTool.gather`. Raises BadAnswer, or what the class raises."""
        try:
            items = self._source.gather(inquiry)
        except SystemExit:
            raise BadAnswer("tried to end the process") from None
        return checked(items, self._facts)

    def close(self) -> None:
        """Let the source close what it opened, where it can."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


def checked(items: Any, facts: Iterable[Fact]) -> dict[str, Item]:
    """Findings as plain values, with every declared fact of its kind. Raises BadAnswer."""
    if not isinstance(items, dict) or len(items) > ITEMS_MAX:
        raise BadAnswer(f"answered no mapping of at most {ITEMS_MAX} items")
    found = {_name(name): _plain_item(_name(name), item) for name, item in items.items()}
    for fact in facts:
        item = found.get(fact.item, {})
        value = item.get(fact.key)
        if value is None:
            continue
        if fact.kind == "int" and isinstance(value, float) and value.is_integer():
            item[fact.key] = value = int(value)  # JSON does not tell 3 from 3.0
        if not _fits(value, fact.kind):
            raise BadAnswer(f"{fact.name} is {type(value).__name__}, not {fact.kind}")
        if fact.kind == "double":
            item[fact.key] = float(value)
    return found


def _fits(value: Any, kind: Kind) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise BadAnswer(f"a name in its answer is {type(name).__name__}, not text")
    return shown_text(name, NAME_MAX)


def _plain_item(name: str, item: Any) -> Item:
    if not isinstance(item, dict) or len(item) > KEYS_MAX:
        raise BadAnswer(f"the item {name} is no mapping of at most {KEYS_MAX} values")
    return {_name(key): _plain(f"{name}.{_name(key)}", value) for key, value in item.items()}


def _plain(where: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return shown_text(value, TEXT_MAX)
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) < 2**53:
        if contains_card_number(str(int(value))):
            raise BadAnswer(f"{where} is a card number")
        return int(value) if isinstance(value, int) else float(value)  # no subclass, which may not be written as JSON
    raise BadAnswer(f"{where} is {type(value).__name__}, not text, a number in range, true, false or null")
