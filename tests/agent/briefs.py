"""Briefs to investigate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fraudray.agent.agent import Agent
from fraudray.domain.decision import Outcome, Reason
from fraudray.domain.evidence import ToolEvidence
from fraudray.domain.investigation import Event, Finding
from fraudray.ports.investigator import Brief, Budget

BUDGET = Budget(
    limit_s=30, first_token_s=20, stall_s=20, steps_max=3, tool_calls_max=4, tokens_max=4000, thinking_tokens_max=400
)
EVIDENCE = {
    "transaction-risk": ToolEvidence(items={
        "amount": {"amount": "1200.00", "currency": "USD", "amount_base": 1200.0},
        "merchant": {"name": "Best Buy", "classes": ["resalable"]},
    }),
    "geolocation-checker": ToolEvidence(items={"travel": {"feasible": True, "distance_mi": 0.0}}),
}  # fmt: skip
AMOUNT, MERCHANT, TRAVEL = "transaction-risk/amount", "transaction-risk/merchant", "geolocation-checker/travel"


def far(decision: Outcome = Outcome.APPROVE, budget: Budget = BUDGET, **transaction: Any) -> Brief:
    """A payment on which a verdict may go two levels up, or one down."""
    update = {"decision": decision, "two_levels_from": 10, "may_lower": True}
    return brief(budget, **transaction).model_copy(update=update)


def brief(budget: Budget = BUDGET, **transaction: Any) -> Brief:
    """A payment in review."""
    reason = Reason(code="HIGH_AMOUNT", family="amount", weight=10, points=10, text="", evidence=[AMOUNT])
    return Brief(
        investigation_id="inv_1", transaction_id="T-1", evidence=EVIDENCE, reasons=[reason], score=45,
        transaction={"transaction_id": "T-1", "amount": "1200.00", "merchant": "Best Buy"} | transaction,
        decision=Outcome.REVIEW, thresholds={"review": 40, "block": 75}, budget=budget, waiting=True,
    )  # fmt: skip


def happened(agent: Agent, told: AsyncIterator[Event]) -> list[Event]:
    """All that this agent tells, in order and with one end; it is closed then."""

    async def run() -> list[Event]:
        try:
            return [event async for event in told]
        finally:
            await agent.close()

    events = asyncio.run(run())
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events].count("finished") == 1
    assert events[-1].kind == "finished"
    return events


def investigated(agent: Agent, given: Brief | None = None) -> tuple[list[Event], Finding]:
    """What happened, and how it ended."""
    events = happened(agent, agent.investigate(given or brief()))
    return events, Finding.model_validate(events[-1].body)
