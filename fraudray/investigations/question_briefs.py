"""What answering a question begins with, and what the ids in an answer stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.adapters.sql.case_material import StoredMaterial
from fraudray.domain.decision import Decision
from fraudray.domain.question import Citation
from fraudray.engine import Engine
from fraudray.policy.policy import Policy
from fraudray.ports.investigator import AskBrief, AskedDecision, AskedEntry, Budget
from fraudray.ports.tracing import current_traceparent

ANSWER_S_MAX = 60.0
"""A person waits for the answer, so it has this time at most, and what the policy gives work that nobody waits for."""
PATIENCE = 10
"""A case makes a longer prompt than a payment, and a person is in less of a hurry: so many times the policy's time for
a first token and between two. Nor may a slow answer open the breaker that decisions depend on."""
STEPS = 2


def question_brief(engine: Engine, question_id: str, question: str, material: StoredMaterial) -> AskBrief:
    """Everything that the agent is told of a question."""
    policy = engine.policy_of(material.decisions[0][0]) if material.decisions else engine.policy
    decisions = [
        _told(engine, f"d{number}", decision, transaction)
        for number, (decision, transaction) in enumerate(material.decisions, 1)
    ]
    return AskBrief(
        question_id=question_id,
        question=question,
        case=material.facts,
        decisions=decisions,
        decisions_in_case=material.decisions_in_case,
        entries=[
            AskedEntry(id=f"n{number}", at=entry.at, author=entry.author, kind=entry.kind, body=entry.body)
            for number, entry in enumerate(material.entries, 1)
        ],
        entries_in_case=material.entries_in_case,
        budget=_budget(policy),
        traceparent=current_traceparent(),
    )


def citations_of(material: StoredMaterial, ids: Sequence[str]) -> list[Citation]:
    """What the ids in an answer stand for, under the numbers that `question_brief` gave."""
    found = []
    for cited in ids:
        place, _, evidence = cited.partition("/")
        number = int(place[1:]) - 1 if place[1:].isdigit() else -1
        if place.startswith("d") and number >= 0:
            transaction_id = material.decisions[number][0].transaction_id
            found.append(Citation(id=cited, transaction_id=transaction_id, evidence=evidence))
        elif place.startswith("n") and number >= 0:
            found.append(Citation(id=cited, entry_id=material.entries[number].entry_id))
        else:
            found.append(Citation(id=cited))
    return found


_TOLD = (
    "transaction_id", "decided_at", "revision", "evidence", "reasons", "adjustments", "actions", "investigator",
    "step_up", "score", "decision",
)  # fmt: skip


def _told(engine: Engine, asked_as: str, decision: Decision, transaction: Mapping[str, Any]) -> AskedDecision:
    thresholds = engine.policy_of(decision).document.thresholds
    levels = {"review": thresholds.review, "block": thresholds.block}
    return AskedDecision(
        id=asked_as, transaction=transaction, thresholds=levels, **{name: getattr(decision, name) for name in _TOLD}
    )


def _budget(policy: Policy) -> Budget:
    wanted = policy.document.investigate
    return Budget(
        limit_s=min(wanted.later_limit_s, ANSWER_S_MAX), first_token_s=wanted.first_token_s * PATIENCE,
        stall_s=wanted.stall_s * PATIENCE, steps_max=min(wanted.steps_max, STEPS), tool_calls_max=0,
        tokens_max=wanted.tokens_max, thinking_tokens_max=wanted.thinking_tokens_max,
    )  # fmt: skip
