"""A question about a case, and what came of it: an answer that cites the case's own material, or honestly none."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.decision import Moment
from fraudray.domain.investigation import FallbackReason, Timing, Usage

QUESTION_MAX = 1000
ANSWER_MAX = 1200
CITED_MAX = 8
ENTRY_KIND = "question"
"""Under which a question and its answer stand on the case."""
AUTHOR = "investigator model"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Unanswered(StrEnum):
    """Why there is no answer."""

    NOT_IN_EVIDENCE = "not_in_evidence"
    """The model says so, or cited nothing that it was given, asked twice."""
    NO_MODEL = "no_model"
    MODEL_FAILED = "model_failed"
    """`reason` says in which way."""
    LATE = "late"
    OVERLOADED = "overloaded"
    """Too much was asked of the model at once."""
    ERASED = "erased"
    """The customer's personal data was erased, and the case with it."""
    LEFT = "left"
    """Whoever asked did not wait for the answer. On the case alone."""


class Reply(_Document):
    """What the model's side says to a question."""

    answered: bool
    answer: str = ""
    evidence: list[str] = Field(default_factory=list, description="Ids of the material that it rests on.")
    why: Unanswered | None = None
    reason: FallbackReason | None = None
    detail: str | None = None
    model: str | None = None
    usage: Usage = Usage()
    timing: Timing = Timing()
    decisions: int = Field(0, description="How many were told.")
    entries: int = 0


class Citation(_Document):
    """What an id in an answer stands for."""

    id: str
    transaction_id: str | None = None
    evidence: str | None = Field(
        None, description="Of that transaction's decision: `<tool>/<item>`, or `policy` or `payment`."
    )
    entry_id: str | None = Field(None, description="Of the case's entries.")


class Material(_Document):
    """How much of the case the model saw, the newest of it."""

    decisions: int = 0
    decisions_in_case: int = 0
    entries: int = 0
    entries_in_case: int = Field(0, description="Notes, findings and changes of its status; not earlier questions.")


class CaseAnswer(_Document):
    """A question about a case with its answer. It is prose and changes nothing; without a citation there is none."""

    case_id: str
    transaction_id: str | None = Field(None, description="Of the one decision that was asked about.")
    question: str
    asked_by: str
    asked_at: Moment
    answered: bool
    answer: str | None = None
    evidence: list[str] = Field(
        default_factory=list, description="Ids of the material, such as `d1/geolocation-checker/travel` or `n2`."
    )
    citations: list[Citation] = Field(default_factory=list, description="What they stand for.")
    why: Unanswered | None = Field(None, description="Why there is no answer.")
    reason: FallbackReason | None = Field(None, description="How the model failed.")
    detail: str | None = Field(None, description="The same in words.")
    author: str = AUTHOR
    model: str | None = None
    usage: Usage = Usage()
    timing: Timing = Timing()
    material: Material = Material()
    entry_id: str | None = Field(None, description="Where it stands on the case.")
