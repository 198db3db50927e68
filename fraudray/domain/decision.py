"""A decision and everything that explains it: the document that every face of fraudray answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from fraudray.domain.evidence import ToolEvidence


class Outcome(StrEnum):
    """The three decisions, in rising severity."""

    APPROVE = "APPROVE"
    REVIEW = "REVIEW"
    BLOCK = "BLOCK"

    @property
    def severity(self) -> int:
        """0, 1 or 2: the higher one stands when two meet."""
        return _SEVERITY[self]


_SEVERITY = {Outcome.APPROVE: 0, Outcome.REVIEW: 1, Outcome.BLOCK: 2}


class RiskLevel(StrEnum):
    """The score in words."""

    MINIMAL = "MINIMAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


def _rfc3339_ms(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


Moment = Annotated[datetime, PlainSerializer(_rfc3339_ms, return_type=str, when_used="json")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reason(_Document):
    """One rule that spoke. `points` is its share of the score after family caps; they add up with the adjustments."""

    code: str
    family: str
    weight: int = Field(ge=0, le=100, description="The rule's own weight.")
    points: int = Field(ge=0, le=100, description="What it added to the score after its family's cap.")
    text: str
    evidence: list[str] = Field(description="Ids of the evidence it rests on, `<tool>/<item>`.")


class Adjustment(_Document):
    """What moved the score besides reasons: the ceiling on inferred evidence."""

    code: str
    points: int
    text: str


class Action(_Document):
    """Something done, or to be done, because of the decision."""

    kind: str
    status: Literal["pending", "done", "failed", "recommended"]
    detail: str | None = None


class PolicyRef(_Document):
    """The exact policy that decided."""

    name: str
    version: str
    hash: str


class InvestigatorState(_Document):
    """What the LLM investigator did; `none` when no model is configured or the policy did not escalate.

    What the model says for people is with the investigation and on the case, not here.
    """

    status: Literal["none", "pending", "done", "failed"] = "none"
    investigation_id: str | None = None
    model: str | None = None
    verdict: Outcome | None = Field(None, description="What the model would decide.")
    risk: int | None = Field(None, ge=0, le=100, description="The model's own, on the scale of the score.")
    effect: Literal["confirmed", "raised", "lowered", "none"] | None = Field(
        None, description="What that did to the decision; none: it may not do what it wanted."
    )
    reason: str | None = Field(None, description="Why there is no verdict, as a code.")
    detail: str | None = None


StepUpResult = Literal["passed", "failed", "abandoned"]


class StepUp(_Document):
    """A check with the customer that the caller carries out; its answer lifts the review or confirms the fraud."""

    method: str = Field(description="3ds: a 3-D Secure challenge; call: a call to the customer.")
    status: Literal["requested", "passed", "failed", "abandoned"] = "requested"
    until: Moment = Field(description="A later pass lifts nothing.")
    answered_at: Moment | None = None
    reference: str | None = Field(None, description="The caller's own id of the check.")


class Latency(_Document):
    """Milliseconds by stage. `store` is known only to the first answer, since the record is written before it ends."""

    total: float
    state: float
    tools: float
    policy: float
    store: float | None = None
    investigator: float | None = Field(None, description="What the answer waited for an investigation.")


class Decision(_Document):
    """One revision of the decision on one transaction."""

    decision_id: str
    transaction_id: str
    customer_id: str
    revision: int = Field(ge=1)
    decision: Outcome
    score: int = Field(ge=0, le=100)
    risk: float = Field(ge=0, le=1, description="Ranks transactions; the score is its integer for people.")
    risk_level: RiskLevel
    recommendation: str
    reasons: list[Reason]
    adjustments: list[Adjustment] = Field(default_factory=list)
    evidence: dict[str, ToolEvidence]
    actions: list[Action] = Field(default_factory=list)
    case_id: str | None = None
    report_url: str | None = None
    policy: PolicyRef
    step_up: StepUp | None = None
    investigator: InvestigatorState = InvestigatorState()
    decided_at: Moment
    latency_ms: Latency

    def to_json(self) -> DecisionJson:
        """The document as JSON, but for its latency, which goes on growing until the answer leaves."""
        body = self.model_dump_json(exclude_none=True, exclude={"latency_ms"})
        return DecisionJson(body.encode()[:-1])


@dataclass(frozen=True, slots=True)
class DecisionJson:
    """A decision written once, for the record and for the answer."""

    head: bytes

    def with_latency(self, latency: Latency) -> bytes:
        """The whole document."""
        return self.head + b',"latency_ms":' + latency.model_dump_json(exclude_none=True).encode() + b"}"
