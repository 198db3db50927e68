"""A decision: its outcome, and how its score adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudray.ui.words import capitalised, short

REASONS_MAX = 60
OUTCOME_WORDS = {"APPROVE": "Approve", "REVIEW": "Review", "BLOCK": "Block"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score a payment is reviewed, and blocked."""

    review: int
    block: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the score: a reason, or what the policy did to their sum. From `start` to `end`, 0 to 100."""

    code: str
    text: str
    family: str
    points: int
    weight: int | None
    start: float
    end: float
    kind: str
    """`up`, `down`, or `capped` for a reason that its family's cap left nothing."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What is shown of a decision."""

    transaction_id: str
    customer_id: str
    outcome: str
    word: str
    score: int
    level: str
    recommendation: str
    bars: tuple[Bar, ...]
    scale_max: int
    """What the bars are drawn against: 100, or the sum before the ceiling."""
    thresholds: Thresholds | None
    revision: int
    policy: str
    decided_at: str
    latency: tuple[tuple[str, float], ...]
    case_id: str | None
    step_up: str
    was_stored: bool


def decision_view(
    decision: Mapping[str, Any], policy: Mapping[str, Any] | None, *, was_stored: bool = False
) -> DecisionView:
    """A decision's document and the policy's, as they are shown."""
    bars, highest = _bars(decision)
    outcome = str(decision["decision"])
    step_up = decision.get("step_up")
    return DecisionView(
        transaction_id=decision["transaction_id"], customer_id=decision["customer_id"],
        outcome=outcome, word=OUTCOME_WORDS.get(outcome, outcome), score=decision["score"],
        level=str(decision["risk_level"]).capitalize(), recommendation=decision["recommendation"],
        bars=bars, scale_max=max(100, highest), thresholds=_thresholds(policy),
        revision=decision["revision"], policy=f"{decision['policy']['name']} {decision['policy']['version']}",
        decided_at=decision["decided_at"], latency=_latency(decision), case_id=decision.get("case_id"),
        step_up=f"{step_up['method']}: {step_up['status']}" if step_up else "", was_stored=was_stored,
    )  # fmt: skip


def cited_ids(decision: Mapping[str, Any]) -> list[str]:
    """The evidence that its reasons rest on."""
    return [item for reason in decision["reasons"] for item in reason["evidence"]]


def _bars(decision: Mapping[str, Any]) -> tuple[tuple[Bar, ...], int]:
    """Each step with where it begins and ends, as shares of the widest; and how far the sum went."""
    steps = []
    total = highest = 0
    reasons = sorted(decision["reasons"], key=lambda reason: -reason["points"])[:REASONS_MAX]
    for reason in reasons:
        steps.append((reason, total, total + reason["points"]))
        total += reason["points"]
        highest = max(highest, total)
    for adjustment in decision.get("adjustments", []):
        steps.append((adjustment, total, total + adjustment["points"]))
        total += adjustment["points"]
        highest = max(highest, total)
    widest = max(100, highest)
    return tuple(_bar(step, low, high, widest) for step, low, high in steps), highest


def _bar(step: Mapping[str, Any], before: int, after: int, widest: int) -> Bar:
    points = step["points"]
    kind = "capped" if points == 0 else "up" if points > 0 else "down"
    return Bar(
        code=step["code"], text=short(capitalised(step["text"])), family=step.get("family", ""), points=points,
        weight=step.get("weight"), start=round(100 * min(before, after) / widest, 2),
        end=round(100 * max(before, after) / widest, 2), kind=kind, evidence=tuple(step.get("evidence", ())),
    )  # fmt: skip


def _thresholds(policy: Mapping[str, Any] | None) -> Thresholds | None:
    found = (policy or {}).get("document", {}).get("thresholds")
    return Thresholds(int(found["review"]), int(found["block"])) if found else None


def _latency(decision: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    stages = ("state", "tools", "policy", "store", "investigator", "total")
    found = decision.get("latency_ms") or {}
    return tuple((stage, float(found[stage])) for stage in stages if found.get(stage) is not None)
