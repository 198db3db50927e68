"""What the tools found, as tables: the facts that reasons rest on first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.ui.words import capitalised, money, number, short

ITEMS_MAX = 60
FACTS_MAX = 40
TOOL_TITLES = {
    "transaction-risk": "Transaction risk",
    "identity-verifier": "Identity verifier",
    "geolocation-checker": "Geolocation checker",
    "lists": "Lists",
}
_ABSENT = {
    "not_given": "not given", "not_recorded": "not recorded", "unavailable": "unavailable",
    "nothing_known": "nothing known", "nothing_seen": "nothing seen", "no_country": "belongs to no country",
}  # fmt: skip

_CURRENCY_OF = {"amount": "currency", "amount_base": "base_currency"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ACRONYMS = frozenset({"ip", "mcc", "id"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact in words."""

    name: str
    value: str

    @property
    def is_moment(self) -> bool:
        """Whether it is a moment, which is shown in the reader's zone."""
        return bool(_MOMENT.fullmatch(self.value))


@dataclass(frozen=True, slots=True)
class Item:
    """One finding of a tool."""

    id: str
    """As reasons and models cite it."""
    title: str
    facts: tuple[Fact, ...]
    absent: str
    """Why there is nothing, where there is nothing."""
    cited: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool's findings."""

    title: str
    ok: bool
    error: str
    latency_ms: float
    cited: tuple[Item, ...]
    others: tuple[Item, ...]


def evidence_view(evidence: Mapping[str, Any], cited: Sequence[str]) -> list[Tool]:
    """The tools with what they found; `cited` are the ids that reasons rest on."""
    wanted = frozenset(cited)
    return [_tool(name, found, wanted) for name, found in evidence.items()]


def _tool(name: str, found: Mapping[str, Any], cited: frozenset[str]) -> Tool:
    items = [_item(name, item, facts, cited) for item, facts in list(found.get("items", {}).items())[:ITEMS_MAX]]
    return Tool(
        title=TOOL_TITLES.get(name, capitalised(name.replace("-", " "))),
        ok=found.get("status") == "ok",
        error=short(str(found.get("error") or "")),
        latency_ms=float(found.get("latency_ms") or 0),
        cited=tuple(item for item in items if item.cited),
        others=tuple(item for item in items if not item.cited),
    )


def _item(tool: str, name: str, facts: Any, cited: frozenset[str]) -> Item:
    item_id = f"{tool}/{name}"
    shown = facts if isinstance(facts, Mapping) else {"value": facts}
    status = shown.get("status")
    absent = _ABSENT.get(str(status), "") if len(shown) == 1 and status else ""
    return Item(item_id, capitalised(_words(name)), () if absent else facts_view(shown), absent, item_id in cited)


def facts_view(facts: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Facts that say something, in words."""
    shown = []
    for name, value in list(facts.items())[:FACTS_MAX]:
        if value in (None, "", []) or name in _CURRENCY_OF.values():
            continue
        currency = facts.get(_CURRENCY_OF.get(name, ""))
        shown.append(Fact(_words(name), money(value, str(currency)) if currency else _value(value)))
    return tuple(shown)


def _words(name: str) -> str:
    words = str(name).replace("_", " ").replace("-", " ")
    return " ".join(word.upper() if word in _ACRONYMS else word for word in words.split(" "))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return short(", ".join(f"{_words(name)} {_value(one)}" for name, one in list(value.items())[:FACTS_MAX]))
    if isinstance(value, list):
        return short(", ".join(_value(one) for one in value[:FACTS_MAX]))
    return short(number(value))
