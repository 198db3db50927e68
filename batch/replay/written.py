"""What the decisions of one part become: rows of Parquet, column by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fraudray.batch.replay.replayer import Replayed

REASON = pa.struct(
    [
        ("code", pa.string()),
        ("family", pa.string()),
        ("weight", pa.int16()),
        ("points", pa.int16()),
        ("text", pa.string()),
    ]
)
OUTCOMES = ("APPROVE", "REVIEW", "BLOCK")


@dataclass(slots=True)
class SideColumns:
    """One side's decisions as they are made; lists of one length, a row each."""

    decision: list[int] = field(default_factory=list)
    evidence_decision: list[int] = field(default_factory=list)
    score: list[int] = field(default_factory=list)
    risk: list[float] = field(default_factory=list)
    evidence_risk: list[float] = field(default_factory=list)
    froze: list[bool] = field(default_factory=list)
    opened: list[bool] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    reasons: list[list[dict[str, Any]] | None] = field(default_factory=list)

    def add(self, replayed: Replayed) -> None:
        """One more row."""
        judgement, effects = replayed.judgement, replayed.effects
        self.decision.append(judgement.outcome.severity)
        self.evidence_decision.append(judgement.outcome_on_evidence.severity)
        self.score.append(judgement.score)
        self.risk.append(judgement.risk)
        self.evidence_risk.append(judgement.risk_on_evidence)
        self.froze.append(effects.freeze is not None)
        self.opened.append(effects.opens_case)
        self.policy.append(replayed.policy.document.name)
        self.reasons.append(
            [
                {"code": r.code, "family": r.family, "weight": r.weight, "points": r.points, "text": r.text}
                for r in judgement.reasons
            ]
            if judgement.reasons
            else None
        )

    def columns(self, prefix: str) -> dict[str, pa.Array]:
        """Arrow arrays by name, each name with the prefix."""
        words = pa.array(OUTCOMES)
        return {
            f"{prefix}decision": pa.DictionaryArray.from_arrays(pa.array(self.decision, pa.int8()), words),
            f"{prefix}evidence_decision": pa.DictionaryArray.from_arrays(
                pa.array(self.evidence_decision, pa.int8()), words
            ),
            f"{prefix}score": pa.array(self.score, pa.int16()),
            f"{prefix}risk": pa.array(self.risk, pa.float64()),
            f"{prefix}evidence_risk": pa.array(self.evidence_risk, pa.float64()),
            f"{prefix}froze": pa.array(self.froze, pa.bool_()),
            f"{prefix}opened_case": pa.array(self.opened, pa.bool_()),
            f"{prefix}policy": pa.array(self.policy, pa.string()).dictionary_encode(),
            f"{prefix}reasons": pa.array(self.reasons, pa.list_(REASON)),
        }


def changed_rows(decided: pa.Table) -> pa.Table:
    """The rows that the challenger decides otherwise, with the reason codes that it gains and loses."""
    words = [pc.cast(decided.column(name), pa.string()) for name in ("decision", "challenger_decision")]
    rows = decided.filter(pc.not_equal(*words))
    codes = [_codes(rows.column(name)) for name in ("reasons", "challenger_reasons")]
    pairs = list(zip(*codes, strict=True))
    at = rows.column("occurred_us").cast(pa.timestamp("us", "UTC"))
    texts = pa.list_(pa.string())
    return pa.table(
        {
            "transaction_id": rows.column("transaction_id"),
            "customer_id": rows.column("customer_id"),
            "occurred_at": pc.strftime(at, "%Y-%m-%dT%H:%M:%SZ"),
            "amount": rows.column("amount_base"),
            "champion": pc.cast(rows.column("decision"), pa.string()),
            "champion_score": rows.column("score"),
            "challenger": pc.cast(rows.column("challenger_decision"), pa.string()),
            "challenger_score": rows.column("challenger_score"),
            "gained": pa.array([[code for code in new if code not in old] for old, new in pairs], texts),
            "lost": pa.array([[code for code in old if code not in new] for old, new in pairs], texts),
            "fraud": rows.column("fraud"),
        }
    )


def _codes(reasons: pa.ChunkedArray) -> list[list[str]]:
    return [[reason["code"] for reason in row or ()] for row in reasons.to_pylist()]
