"""A case: one customer's alerts, what people and tools noted, and how it ended."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.decision import Decision, Moment, Outcome

CaseStatus = Literal["open", "closed"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseSummary(_Document):
    """One line of a list of cases."""

    case_id: str
    customer_id: str
    status: CaseStatus
    decision: Outcome
    score: int = Field(ge=0, le=100, description="The highest score among its decisions.")
    opened_at: Moment
    last_alert_at: Moment
    updated_at: Moment


class CaseEntry(_Document):
    """Something noted on a case. What a caller claims stays a claim, with its author."""

    entry_id: str
    at: Moment
    author: str
    kind: str
    body: dict[str, Any]


class Case(CaseSummary):
    """A case with its decisions, newest last, and its notes."""

    decisions: list[Decision]
    entries: list[CaseEntry]
    erased: bool = Field(False, description="The customer's personal data was erased; documents cannot be read.")
