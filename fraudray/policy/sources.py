"""The facts that a policy's own evidence adds to the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fraudray.domain.transaction import Transaction
from fraudray.policy.extensions import EVIDENCE, ExtensionMissing, load
from fraudray.policy.facts import CATALOGUE, NEUTRAL, Fact
from fraudray.policy.schema import EvidenceSource, Floor
from fraudray.policy.source import PolicySource

_FACT = re.compile(r"[a-z][a-z0-9_]{0,63}")
NOT_SENT = frozenset({"biometric_sample"})


def availability_fact(source: str) -> str:
    """The fact that says whether a source answered: `merchant-watch` → `merchant_watch_available`."""
    return source.replace("-", "_") + "_available"


def catalogue_of(source: PolicySource) -> Mapping[str, Fact]:
    """The catalogue with the facts of the policy's own evidence. Raises PolicyError."""
    catalogue = dict(CATALOGUE)
    for name, wanted in source.document.evidence.items():
        path = ("evidence", name)
        if name in _TOOLS:
            raise source.error(f"{name} is one of fraudray's own tools; give yours another name", path)
        for fact in (_availability(name), *_declared(source, name, wanted)):
            if fact.name in catalogue or fact.name in source.document.lists:
                raise source.error(f"{name} states {fact.name}, which is the name of another fact or list", path)
            catalogue[fact.name] = fact
    return catalogue


def missing_evidence_floors(source: PolicySource) -> list[Floor]:
    """One floor a source: without what the policy asked for, nothing is approved. `optional` sources have none."""
    return [
        Floor(
            id=f"{name}-unavailable"[:64], code="EVIDENCE_UNAVAILABLE", score=source.document.thresholds.review,
            when=f"!{availability_fact(name)}", text=f"{name} could not be asked",
        )
        for name, wanted in source.document.evidence.items()
        if not wanted.optional
    ]  # fmt: skip


_TOOLS = {fact.tool for fact in CATALOGUE.values() if fact.tool}


def _availability(name: str) -> Fact:
    return Fact(availability_fact(name), "bool", f"{name} answered in time")


def _declared(source: PolicySource, name: str, wanted: EvidenceSource) -> Iterable[Fact]:
    path = ("evidence", name)
    if wanted.mcp is not None:
        unknown = [field for field in wanted.mcp.arguments.values() if field not in Transaction.model_fields]
        unknown += [field for field in wanted.mcp.arguments.values() if field in NOT_SENT]
        if unknown:
            raise source.error(
                f"{unknown[0]} is no field of a transaction that may be sent", (*path, "mcp", "arguments")
            )
        tool = wanted.mcp.tool
        return [Fact(n, f.kind, f.meaning, name, tool, f.key) for n, f in wanted.mcp.facts.items()]
    try:
        facts = tuple(load(EVIDENCE, name).facts)
    except ExtensionMissing as missing:
        raise source.error(str(missing), path) from None
    except (AttributeError, TypeError):
        raise source.error(f"the class of {name} has no `facts` (a tuple of fraudray.plugin.Fact)", path) from None
    for fact in facts:
        if not isinstance(fact, Fact) or not _FACT.fullmatch(fact.name) or fact.kind not in NEUTRAL:
            raise source.error(f"{name} states {getattr(fact, 'name', fact)!r}, which is no usable fact", path)
        if not fact.item or not fact.key:
            raise source.error(f"{name}: the fact {fact.name} says no item and key to read it from", path)
    return [replace(fact, tool=name) for fact in facts]
