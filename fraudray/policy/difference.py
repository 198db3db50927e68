"""What differs between two policies or books, value by value and in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fraudray.policy.book import PolicyBook, describe
from fraudray.policy.policy import Policy

Where = tuple[str, ...]
_ABSENT = object()
_ORDER = "(order)"
_SINGULAR = {
    "rules": "rule", "floors": "floor", "families": "family", "lists": "list", "thresholds": "threshold",
    "risk_levels": "risk level", "parameters": "", "merchant_classes": "merchant class", "evidence": "evidence",
    "scoring": "scoring function", "actions": "actions of", "recommendations": "recommendation for",
    "travel": "travel", "policies": "policy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs: in which policy, where in it, what it was and is, and the same in words."""

    policy: str
    where: Where
    was: Any
    now: Any
    text: str

    def document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


def differences(a: PolicyBook, b: PolicyBook) -> list[Difference]:
    """Everything in which `b` differs from `a`. Two single policies are compared whatever they are called."""
    if len(a.policies) == len(b.policies) == 1:
        return [*_of_policies(a.default, b.default), *_of_books(a, b)]
    found = [
        difference
        for name, policy in a.policies.items()
        if name in b.policies
        for difference in _of_policies(policy, b.policies[name])
    ]
    return [*found, *_of_books(a, b)]


def _of_policies(a: Policy, b: Policy) -> Iterator[Difference]:
    for where, was, now in _compare(_document(a), _document(b), ()):
        yield Difference(b.document.name, where, _plain(was), _plain(now), _words(where, was, now))


def _of_books(a: PolicyBook, b: PolicyBook) -> Iterator[Difference]:
    """Which policies there are and what is chosen for what; nothing where both are one policy."""
    first, second = describe(a), describe(b)
    if len(a.policies) == len(b.policies) == 1:
        second["default"] = first["default"]
    for name in dict.fromkeys([*a.policies, *b.policies]):
        if (name in a.policies) != (name in b.policies) and max(len(a.policies), len(b.policies)) > 1:
            text = f"policy {name} " + ("added" if name in b.policies else "removed")
            yield Difference(name, ("policies", name), name in a.policies, name in b.policies, text)
    for field in ("default", "choose"):
        was, now = first[field], second[field]
        if was != now:
            text = f"{field}: {_value(was)} → {_value(now)}"
            yield Difference("", (field,), was, now, text)


def _document(policy: Policy) -> dict[str, Any]:
    return policy.document.model_dump(mode="json", by_alias=True)


def _compare(was: Any, now: Any, where: Where) -> Iterator[tuple[Where, Any, Any]]:
    """The places that differ: named entries by name, anything else as a whole."""
    if was == now:
        return
    old, new = _named(was), _named(now)
    if old is None or new is None:
        yield where, was, now
        return
    for name in dict.fromkeys([*old, *new]):
        yield from _compare(old.get(name, _ABSENT), new.get(name, _ABSENT), (*where, name))
    shared = [name for name in old if name in new], [name for name in new if name in old]
    if isinstance(was, list) and shared[0] != shared[1]:
        yield (*where, _ORDER), shared[0], shared[1]


def _named(value: Any) -> Mapping[str, Any] | None:
    """A mapping, or a list of entries with ids as one."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(entry, dict) and "id" in entry for entry in value):
        return {entry["id"]: entry for entry in value}
    return {} if value == [] else None


def _words(where: Where, was: Any, now: Any) -> str:
    """`rule fast-travel: weight 15 → 20`."""
    *around, last = where
    if was is _ABSENT:
        return f"{_place(where)} added{_summary(now)}"
    if now is _ABSENT:
        return f"{_place(where)} removed"
    if last == _ORDER:
        return f"{around[-1]}: in another order"
    label = f"{_place(tuple(around))}: {last}" if len(where) > 2 else _place(where)
    if isinstance(was, list) and isinstance(now, list):
        return f"{label}{' ' if len(where) > 2 else ': '}{_members(was, now)}"
    return f"{label} {_value(was)} → {_value(now)}"


def _place(where: Where) -> str:
    return " ".join(word for word in (_SINGULAR.get(name, name) for name in where) if word)


def _summary(entry: Any) -> str:
    """What a new entry says."""
    if not isinstance(entry, dict):
        return f": {_value(entry)}"
    if "when" in entry:
        weight = f"at least {entry['score']}" if "score" in entry else f"weight {entry['weight']} in {entry['family']}"
        return f": {weight}, {entry['code']}, when {entry['when']}"
    return f": {_value(entry)}"


def _members(was: Sequence[Any], now: Sequence[Any]) -> str:
    added = [entry for entry in now if entry not in was]
    removed = [entry for entry in was if entry not in now]
    parts = [f"added {', '.join(map(_bare, added))}"] if added else []
    parts += [f"removed {', '.join(map(_bare, removed))}"] if removed else []
    return "; ".join(parts) or f"order {_value(was)} → {_value(now)}"


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else _value(value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`" if '"' in value else f'"{value}"'
    return "none" if value is None or value == [] else json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return None if value is _ABSENT else value
