"""The facts that rules of one policy may name: the catalogue, its windows, and what the policy adds to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fraudray.domain.duration import parse_duration
from fraudray.domain.evidence import LISTS
from fraudray.domain.facts import CATALOGUE, NEUTRAL, Fact
from fraudray.domain.features import WINDOWS, WindowFeature
from fraudray.domain.transaction import Transaction
from fraudray.policy.extensions import EVIDENCE, ExtensionMissing, load
from fraudray.policy.schema import EvidenceSource, Floor, McpCall
from fraudray.policy.source import PolicySource

_TOOLS = {fact.tool for fact in CATALOGUE.values() if fact.tool}
_FACT = re.compile(r"[a-z][a-z0-9_]{0,63}")
LIMIT_S_MAX = 1.5
"""No source may hold a decision up for longer (seconds)."""
NOT_SENT = frozenset({"biometric_sample"})
# Words of CEL, and names that already mean something in a rule, in `escalate` or in a scoring sentence.
RESERVED = frozenset(
    [
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while", "size", "has", "all", "exists"),
        *("map", "filter", "int", "uint", "double", "string", "bool", "bytes", "duration", "timestamp", "type", "min"),
        *("max", "contains", "matches", "score", "points", "why"),
    ]
)


def availability_fact(source: str) -> str:
    """The fact that says whether a source answered: `merchant-watch` → `merchant_watch_available`."""
    return source.replace("-", "_") + "_available"


def windows_of(source: PolicySource) -> dict[str, WindowFeature]:
    """The window features by name: the catalogue's and the policy's own. Raises PolicyError."""
    windows = dict(WINDOWS)
    for name, wanted in source.document.features.items():
        path = ("features", name)
        if name in windows or name in CATALOGUE or name in source.document.lists:
            raise source.error(f"{name} is the name of another fact or list", path)
        if name in RESERVED:
            raise source.error(f"{name} is a word of the rule language", path)
        try:
            window_us = round(parse_duration(wanted.window).total_seconds() * 1_000_000)
            windows[name] = WindowFeature(name, wanted.key, wanted.aggregate, window_us)
        except ValueError as error:
            raise source.error(f"{name}: {error}", path) from None
    return windows


def catalogue_of(source: PolicySource, windows: Mapping[str, WindowFeature]) -> Mapping[str, Fact]:
    """The catalogue with the windows and the facts of the policy's own evidence. Raises PolicyError."""
    catalogue = CATALOGUE | {name: feature.fact for name, feature in windows.items()}
    for name, wanted in source.document.evidence.items():
        path = ("evidence", name)
        if name in _TOOLS or name == LISTS:
            raise source.error(f"{name} is what fraudray calls evidence of its own; give yours another name", path)
        for fact in (_availability(name), *_declared(source, name, wanted)):
            if fact.name in catalogue or fact.name in source.document.lists:
                raise source.error(f"{name} states {fact.name}, which is the name of another fact or list", path)
            if fact.name in RESERVED:
                raise source.error(f"{name} states {fact.name}, which is a word of the rule language", path)
            catalogue[fact.name] = fact
    return catalogue


def missing_evidence_floors(source: PolicySource) -> list[tuple[str, Floor]]:
    """A floor for each source by name: without what the policy asked for, nothing is approved. `optional` ones have
    none."""
    review = source.document.thresholds.review
    return [
        (
            name,
            Floor(
                id=f"{name}-unavailable"[:64], code="EVIDENCE_UNAVAILABLE", score=review, applies_to="any",
                when=f"!{availability_fact(name)}", text=f"{name} could not be asked",
            ),
        )
        for name, wanted in source.document.evidence.items()
        if not wanted.optional
    ]  # fmt: skip


def _availability(name: str) -> Fact:
    return Fact(availability_fact(name), "bool", f"{name} answered in time")


def _declared(source: PolicySource, name: str, wanted: EvidenceSource) -> Iterable[Fact]:
    return _of_class(source, name) if wanted.mcp is None else _of_server(source, name, wanted.mcp)


def _of_server(source: PolicySource, name: str, call: McpCall) -> list[Fact]:
    for argument, field in call.arguments.items():
        if field not in Transaction.model_fields or field in NOT_SENT:
            path = ("evidence", name, "mcp", "arguments", argument)
            raise source.error(f"{field} is no field of a transaction that may be sent", path)
    return [Fact(n, f.kind, f.meaning, name, call.tool, f.key) for n, f in call.facts.items()]


def _of_class(source: PolicySource, name: str) -> list[Fact]:
    path = ("evidence", name)
    try:
        found = load(EVIDENCE, name)
    except ExtensionMissing as missing:
        raise source.error(str(missing), path) from None
    if not isinstance(found, type) or not callable(getattr(found, "gather", None)):
        raise source.error(f"{name} is no class with a method `gather`", path)
    limit_s = getattr(found, "limit_s", None)
    if limit_s is not None and not _limit_fits(limit_s):
        raise source.error(f"{name}: limit_s is not above 0 and at most {LIMIT_S_MAX} seconds", path)
    facts = getattr(found, "facts", None)
    if not isinstance(facts, tuple | list) or not facts:
        raise source.error(f"the class of {name} has no `facts` (a tuple of fraudray.plugin.Fact)", path)
    for fact in facts:
        if not _usable(fact):
            shown = getattr(fact, "name", None) or type(fact).__name__
            raise source.error(
                f"{name} states {str(shown)[:64]!r}, which is no usable fact: that is a Fact with a name in lower "
                f"case, a kind ({', '.join(NEUTRAL)}), an item and a key", path,
            )  # fmt: skip
    return [replace(fact, tool=name) for fact in facts]


def _limit_fits(limit_s: Any) -> bool:
    return isinstance(limit_s, int | float) and not isinstance(limit_s, bool) and 0 < limit_s <= LIMIT_S_MAX


def _usable(fact: Any) -> bool:
    if not isinstance(fact, Fact):
        return False
    texts = (fact.name, fact.kind, fact.meaning, fact.item, fact.key)
    return (
        all(isinstance(text, str) for text in texts)
        and _FACT.fullmatch(fact.name) is not None
        and fact.kind in NEUTRAL
        and bool(fact.item and fact.key)
        and len(fact.item) <= 100
        and len(fact.key) <= 100
    )
