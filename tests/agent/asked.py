"""Questions about cases, to be answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fraudray.agent.agent import Agent
from fraudray.domain.decision import Action, InvestigatorState, Outcome, Reason
from fraudray.domain.investigation import Event
from fraudray.domain.question import Reply
from fraudray.ports.investigator import AskBrief, AskedDecision, AskedEntry, Budget
from tests.agent.briefs import AMOUNT, BUDGET, EVIDENCE, happened

AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
TRAVEL = "d1/geolocation-checker/travel"


def decided(number: int = 1, **changes: Any) -> AskedDecision:
    """A decision of the case."""
    reason = Reason(code="HIGH_AMOUNT", family="amount", weight=10, points=10, text="1,200 is high", evidence=[AMOUNT])
    fields: dict[str, Any] = {
        "id": f"d{number}", "transaction_id": f"TXN-{number}", "decided_at": AT, "revision": 1,
        "transaction": {"transaction_id": f"TXN-{number}", "amount": "1200.00", "merchant": "Best Buy"},
        "evidence": EVIDENCE, "reasons": [reason], "adjustments": [], "score": 45, "decision": Outcome.REVIEW,
        "actions": [Action(kind="email_alert", status="done")], "investigator": InvestigatorState(), "step_up": None,
        "thresholds": {"review": 40, "block": 75},
    }  # fmt: skip
    return AskedDecision(**fields | changes)


def noted(number: int = 1, text: str = "Called the customer.", **changes: Any) -> AskedEntry:
    """A note on the case."""
    fields = {"id": f"n{number}", "at": AT, "author": "Ana", "kind": "note", "body": {"notes": text}} | changes
    return AskedEntry(**fields)


def asked(
    question: str = "Why was it reviewed?", *, decisions: list[AskedDecision] | None = None,
    entries: list[AskedEntry] | None = None, budget: Budget = BUDGET,
) -> AskBrief:  # fmt: skip
    """A question about a case of one decision and one note."""
    told = [decided()] if decisions is None else decisions
    notes = [noted()] if entries is None else entries
    return AskBrief(
        question_id="qst_1", question=question, case={"status": "open", "opened": AT}, decisions=told,
        decisions_in_case=len(told), entries=notes, entries_in_case=len(notes), budget=budget,
    )  # fmt: skip


def answered(agent: Agent, given: AskBrief | None = None) -> tuple[list[Event], Reply]:
    """What happened, and how it ended."""
    events = happened(agent, agent.answer(given or asked()))
    return events, Reply.model_validate(events[-1].body)


def text_of(events: list[Event], kind: str) -> str:
    """The text that came in pieces of this kind."""
    return "".join(event.body["text"] for event in events if event.kind == kind)
