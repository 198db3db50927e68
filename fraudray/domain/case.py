"""A case: one customer's alerts, who works on it, what people and tools noted, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.decision import Decision, Moment, Outcome

CaseStatus = Literal["open", "claimed", "waiting", "escalated", "closed", "reopened"]
ACTIVE: tuple[CaseStatus, ...] = ("open", "claimed", "waiting", "escalated", "reopened")
"""A case in one of these still wants work, and further alerts of its customer join it."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseSummary(_Document):
    """One line of a list of cases. Amount, merchant and reasons are those of its worst alert: the highest score."""

    case_id: str
    customer_id: str
    status: CaseStatus
    decision: Outcome
    score: int = Field(ge=0, le=100, description="The highest score among its decisions.")
    opened_at: Moment
    last_alert_at: Moment
    updated_at: Moment
    version: int = Field(1, ge=1, description="Grows with every change: the case's ETag.")
    assignee: str | None = Field(None, description="Who works on it, or worked on it last.")
    locked_until: Moment | None = Field(None, description="Until then nobody else may act on a claimed case.")
    waiting_until: Moment | None = Field(None, description="When a waiting case comes back into the queue.")
    due_at: Moment | None = Field(None, description="By when it should be closed.")
    amount: Decimal | None = Field(None, description="In major units of `currency`.")
    currency: str | None = None
    amount_base: Decimal | None = Field(None, description="The same in `base_currency`, where a rate was known.")
    base_currency: str | None = None
    merchant: str | None = None
    reasons: list[str] = Field(default_factory=list, description="Reason codes, the weightiest first.")
    disposition: str | None = Field(None, description="How it was closed.")
    merged_into: str | None = Field(None, description="The case that goes on in its place.")


class CaseEntry(_Document):
    """Something noted on a case. What a caller claims stays a claim, with its author."""

    entry_id: str
    at: Moment
    author: str
    kind: str
    body: dict[str, Any]
    case_id: str | None = Field(None, description="The case that it was noted on, which may be one merged into this.")


KEPT_FOR_UNDO = frozenset({"before", "into_before", "into_version"})
"""Members of an entry's body that are there so that an act can be taken back, and say nothing to people."""


def shown_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of an entry's body is for people."""
    return {name: value for name, value in body.items() if name not in KEPT_FOR_UNDO}


class CaseFile(_Document):
    """A file that somebody attached to a case."""

    file_id: str
    name: str
    media_type: str
    size: int = Field(ge=1, description="Bytes.")
    sha256: str
    at: Moment
    author: str


class Case(CaseSummary):
    """A case with its decisions, newest last, its notes and files; those of the cases merged into it among them."""

    decisions: list[Decision]
    entries: list[CaseEntry]
    files: list[CaseFile] = Field(default_factory=list)
    merged: list[str] = Field(default_factory=list, description="The cases that go on in this one.")
    erased: bool = Field(False, description="The customer's personal data was erased; documents cannot be read.")
