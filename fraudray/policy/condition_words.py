"""Conditions in words: each comparison as people say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.domain.facts import Fact, Kind
from fraudray.policy.fact_words import name_of, said_of

_NUMBERS: tuple[Kind, ...] = ("double", "int")
COMPARISONS: dict[str, tuple[Kind, ...]] = {
    "true": ("bool",), "false": ("bool",),
    "above": _NUMBERS, "at least": _NUMBERS, "below": _NUMBERS, "at most": _NUMBERS,
    "is": (*_NUMBERS, "string"), "is not": (*_NUMBERS, "string"),
    "one of": ("string",), "none of": ("string",),
    "contains": ("string",), "starts with": ("string",), "ends with": ("string",),
}  # fmt: skip
"""Comparison → the kinds of facts that have it."""
MEMBERS_SHOWN = 8
_SAID = {
    "above": "is above", "at least": "is at least", "below": "is below", "at most": "is at most", "is": "is",
    "is not": "is not", "contains": "contains", "starts with": "begins with", "ends with": "ends with",
    "one of": "is one of", "none of": "is none of",
}  # fmt: skip
_BOUNDS = ("above", "at least", "below", "at most")


def condition_words(
    form: Mapping[str, Any], catalogue: Mapping[str, Fact], lists: Mapping[str, Sequence[str]], *, depth: int = 0
) -> str:
    """A form (as a document) as a phrase: "the amount is above 1,000, and the card is not present"."""
    said: list[str] = []
    before: Mapping[str, Any] = {}
    for part in form["parts"]:
        if "match" in part:
            said.append(condition_words(part, catalogue, lists, depth=depth + 1))
        elif form["match"] == "all" and _continues(before, part):
            said[-1] += f" and {part['is']} {_value(part['value'])}"
        else:
            said.append(_said(part, catalogue, lists))
        before = part
    if len(said) == 1:
        return said[0]
    word = "and" if form["match"] == "all" else "or"
    return f", {word} ".join(said) if depth == 0 else f"({f' {word} '.join(said)})"


def _continues(before: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether it is the other bound of the same number."""
    same = before.get("fact") == part["fact"]
    return same and before.get("is") in _BOUNDS and part["is"] in _BOUNDS


def _said(part: Mapping[str, Any], catalogue: Mapping[str, Fact], lists: Mapping[str, Sequence[str]]) -> str:
    name, comparison, value = part["fact"], part["is"], part.get("value")
    fact = catalogue.get(name)
    if comparison in ("true", "false"):
        return said_of(fact, name, true=comparison == "true")
    shown = _members(value, lists) if comparison in ("one of", "none of") else _value(value)
    return f"{name_of(fact, name)} {_SAID[comparison]} {shown}"


def _members(value: Any, lists: Mapping[str, Sequence[str]]) -> str:
    if isinstance(value, Mapping):
        members = list(lists.get(value["list"], ()))
        more = f", and {len(members) - MEMBERS_SHOWN} more" if len(members) > MEMBERS_SHOWN else ""
        return f"the list {value['list']} ({', '.join(members[:MEMBERS_SHOWN])}{more})"
    return ", ".join(f"“{text}”" for text in value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, float):
        return f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) >= 1e-6 or value == 0 else repr(value)
    return f"{value:,}"
