"""In which order things acted on a judgement, and what each did to the score: the steps' points add up to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fraudray.domain.decision import Adjustment, Reason
from fraudray.domain.listing import ListMatches, Mark
from fraudray.policy import listed
from fraudray.policy.policy import Judgement, Trace

Step = dict[str, Any]
STEPS = (
    ("deny", "deny entries: a block that nothing lifts"),
    ("certainty", "certain facts, such as a freeze: 100"),
    ("allow", "allow entries: lift blocks and what is inferred"),
    ("block", "block entries: a block that an allow lifts"),
    ("mutes", "rules muted for this customer"),
    ("rules", "rules, up to each family's cap"),
    ("ceiling", "the ceiling on inferred evidence"),
    ("floors", "floors for combinations"),
    ("allowance", "what an allow takes off"),
    ("fail_closed", "rules that could not be computed: at least REVIEW"),
)
NAMES = tuple(name for name, _ in STEPS)
Found = tuple[bool, int, list[str]]


def order_of(judgement: Judgement, lists: ListMatches, traces: Sequence[Trace]) -> list[Step]:
    """The ten steps: `step`, `name`, `what`, whether it `acted`, its `points`, and `details` in words."""
    reasons, adjustments = judgement.reasons, judgement.adjustments
    weighed = [reason for reason in reasons if reason.family not in ("floor", listed.FAMILY)]
    failed = [reason for reason in reasons if reason.code == "RULE_FAILED"]
    floors = [reason for reason in reasons if reason.family == "floor" and reason not in failed]
    certain = judgement.certain
    allowed = listed.allows(lists, certain=certain)

    def entries(marks: Iterable[Mark]) -> list[str]:
        return [
            f"{mark.entry_id}, {mark.rule or mark.kind.value}: "
            + listed.effect(mark, lists, judgement.muted, certain=certain)
            for mark in marks
        ]

    found: dict[str, Found] = {
        "deny": (bool(lists.deny), _points(reasons, "DENY_LISTED"), entries(lists.deny)),
        "certainty": (certain, _points(adjustments, "CERTAIN"), _certain(traces) if certain else []),
        "allow": (allowed, 0, entries(lists.allow)),
        "block": (bool(lists.block) and not allowed, _points(reasons, "BLOCK_LISTED"), entries(lists.block)),
        "mutes": (bool(judgement.muted), 0, entries(lists.mutes)),
        "rules": (bool(weighed), sum(reason.points for reason in weighed), _families(weighed)),
        "ceiling": _adjusted(adjustments, "CEILING"),
        "floors": (bool(floors), sum(f.points for f in floors), [f"floor {f.code}: {f.text}" for f in floors]),
        "allowance": _adjusted(adjustments, "ALLOW_LISTED"),
        "fail_closed": (bool(failed), sum(f.points for f in failed), [f.text for f in failed]),
    }
    steps = []
    for number, (name, what) in enumerate(STEPS, start=1):
        acted, points, details = found[name]
        steps.append({"step": number, "name": name, "what": what, "acted": acted, "points": points, "details": details})
    return steps


def _points(parts: Iterable[Reason | Adjustment], code: str) -> int:
    return sum(part.points for part in parts if part.code == code)


def _adjusted(adjustments: Iterable[Adjustment], code: str) -> Found:
    found = [adjustment for adjustment in adjustments if adjustment.code == code]
    return bool(found), _points(found, code), [f"{code}: {adjustment.text}" for adjustment in found]


def _certain(traces: Iterable[Trace]) -> list[str]:
    return [trace.line.source.id for trace in traces if trace.state == "held" and listed.is_certain(trace.line)]


def _families(weighed: Iterable[Reason]) -> list[str]:
    """One line a family: its rules with their weights, and what its cap left of them."""
    families: dict[str, list[Reason]] = {}
    for reason in weighed:
        families.setdefault(reason.family, []).append(reason)
    lines = []
    for family, reasons in families.items():
        weight, points = sum(r.weight for r in reasons), sum(r.points for r in reasons)
        rules = " + ".join(f"{r.code} {r.weight}" for r in reasons)
        cut = f", {points} by the cap of the family {family}" if weight > points else ""
        lines.append(f"{family} {points:+d}: {rules}{cut}")
    return lines
