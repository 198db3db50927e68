"""What each rule does: when it speaks, how often it is right, and which decisions rest on it alone."""

from __future__ import annotations

from typing import Any

from fraudray.batch.report.over_time import share
from fraudray.batch.report.tallies import Tallies

RULES_MAX = 300
OVERLAPS_MAX = 2000
_LABELS = {1: "fraud", 0: "genuine", -1: "unlabelled"}


def rules(tallies: Tallies, frauds: int, genuine: int) -> list[dict[str, Any]]:
    """Rules of the champion, those first on which most caught frauds rest."""
    merged = tallies.rules.group_by(["code", "family", "fraud"]).aggregate(
        [(name, "sum") for name in ("fired", "alone", "points", "amount", "lowered", "lowered_amount")]
    )
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for row in merged.to_pylist():
        rule = found.setdefault((row["code"], row["family"]), _blank(row["code"], row["family"]))
        label = _LABELS[row["fraud"]]
        for name in ("fired", "alone", "points", "lowered"):
            rule[name][label] += int(row[f"{name}_sum"])
        for name in ("amount", "lowered_amount"):
            rule[name][label] += float(row[f"{name}_sum"])
    for rule in found.values():
        fired, lowered = rule["fired"], rule["lowered"]
        rule["precision"] = share(fired["fraud"], fired["fraud"] + fired["genuine"])
        rule["fraud_share"], rule["genuine_share"] = share(fired["fraud"], frauds), share(fired["genuine"], genuine)
        rule["lowered_fraud_share"] = share(lowered["fraud"], frauds)
        rule["lowered_genuine_share"] = share(lowered["genuine"], genuine)
    ordered = sorted(found.values(), key=_importance)
    return ordered[:RULES_MAX]


def _blank(code: str, family: str | None) -> dict[str, Any]:
    counts: Any = {name: dict.fromkeys(_LABELS.values(), 0) for name in ("fired", "alone", "points", "lowered")}
    amounts = {name: dict.fromkeys(_LABELS.values(), 0.0) for name in ("amount", "lowered_amount")}
    return {"code": code, "family": family, **counts, **amounts}


def _importance(rule: dict[str, Any]) -> tuple[Any, ...]:
    return (-rule["lowered"]["fraud"], -rule["fired"]["fraud"], -sum(rule["fired"].values()), rule["code"])


def overlaps(tallies: Tallies, of_rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pairs of rules that speak together, the most frequent among frauds first. `shared`: of the frauds for which
    either speaks, the share for which both do; `shared_genuine` likewise."""
    merged = tallies.overlaps.group_by(["code_a", "code_b", "fraud"]).aggregate([("count", "sum")])
    fired: dict[str, dict[str, int]] = {}
    for rule in of_rules:
        sums = fired.setdefault(rule["code"], dict.fromkeys(_LABELS.values(), 0))
        for label, count in rule["fired"].items():
            sums[label] += count
    pairs: dict[tuple[str, str], dict[str, int]] = {}
    for row in merged.to_pylist():
        pair = pairs.setdefault((row["code_a"], row["code_b"]), dict.fromkeys(_LABELS.values(), 0))
        pair[_LABELS[row["fraud"]]] += int(row["count_sum"])
    found: list[dict[str, Any]] = [
        {
            "code_a": a,
            "code_b": b,
            **both,
            "shared": _shared(fired, a, b, "fraud", both["fraud"]),
            "shared_genuine": _shared(fired, a, b, "genuine", both["genuine"]),
        }
        for (a, b), both in pairs.items()
        if a in fired and b in fired
    ]
    found.sort(key=lambda pair: (-pair["fraud"], -pair["genuine"], pair["code_a"], pair["code_b"]))
    return found[:OVERLAPS_MAX]


def _shared(fired: dict[str, dict[str, int]], a: str, b: str, label: str, both: int) -> float | None:
    return share(both, fired[a][label] + fired[b][label] - both)
