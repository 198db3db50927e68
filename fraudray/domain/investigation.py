"""An investigation: what a model was asked about one decision, what it did, said and cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.decision import Moment, Outcome


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Verdict(_Document):
    """What the model concludes. The first three parts decide; the rest is prose for people."""

    risk: int = Field(ge=0, le=100, description="0-100, on the scale of the policy's score.")
    decision: Outcome
    evidence: list[str] = Field(description="Ids of the evidence that it relies on, `<tool>/<item>`.")
    analysis: str = Field("", description="For the analyst.")
    next_checks: list[str] = Field(default_factory=list, description="What it would check next.")
    customer_reason: str = Field("", description="A reason that may be shown to the customer.")
    unswayed: bool = Field(
        False, description="Whether the model came as far when it saw no word of anybody, numbers and yes or no alone. "
        "Never the model's to say."
    )  # fmt: skip


class FallbackReason(StrEnum):
    """Why the policy's decision stands without a verdict."""

    NOT_CONFIGURED = "not_configured"
    REFUSED_CONNECTION = "refused_connection"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    WRONG_MODEL = "wrong_model"
    BAD_REQUEST = "bad_request"
    LATE = "late"
    """The time of the policy ended, whatever the model was doing."""
    SLOW_FIRST_TOKEN = "slow_first_token"  # noqa: S105 - a name
    STALLED = "stalled"
    CUT = "cut"
    EMPTY = "empty"
    ENDLESS_REASONING = "endless_reasoning"
    INVALID_JSON = "invalid_json"
    BEYOND_SCHEMA = "beyond_schema"
    UNKNOWN_EVIDENCE = "unknown_evidence"
    BUDGET = "budget"
    """The steps or tokens of the policy were used up."""
    BREAKER_OPEN = "breaker_open"
    OVERLOADED = "overloaded"
    """Too many investigations were under way."""
    GIVEN_UP = "given_up"
    """The process ended during it, and its time had passed when another took over."""
    SUPERSEDED = "superseded"
    """The decision was revised by others in the meantime."""


class Usage(_Document):
    """Tokens, as the engine counts them; 0 where it does not say."""

    round_trips: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = Field(0, description="Of the prompt's, those that its prefix cache held.")
    completion_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})


class Timing(_Document):
    """Milliseconds since the investigation began; None where it did not get so far."""

    first_token_ms: float | None = None
    verdict_ms: float | None = Field(None, description="When risk, decision and citations had parsed.")
    total_ms: float | None = None
    model_ms: float = Field(0, description="Spent waiting for the model, all round trips together.")
    tools_ms: float = Field(0, description="Spent waiting for tools.")


EventKind = Literal[
    "stage", "reasoning", "tool_call", "tool_result", "tool_refused", "verdict_rejected", "verdict", "prose",
    "answer", "answer_rejected", "finished",
]  # fmt: skip


class Event(_Document):
    """One thing that happened, in order; what a stream of events shows and the transcript keeps.

    kind              body
    stage             name: prompt | model | tools | deciding, step: int
    reasoning         text: a piece of the model's thinking
    tool_call         call_id, tool, arguments
    tool_result       call_id, tool, ok: bool, evidence: id under which it may be cited, or error
    tool_refused      call_id, tool, why: an acting tool, an unknown one, bad arguments, over the budget
    verdict_rejected  reason: FallbackReason, detail
    verdict           risk, decision, evidence, unswayed: parsed before the prose
    prose             analysis, next_checks, customer_reason
    answer            text: a piece of the answer to a question about a case
    answer_rejected   reason: FallbackReason, detail; the pieces so far are void
    finished          the Finding; of a question the Reply, and to whoever asked the CaseAnswer
    """

    seq: int = Field(ge=1)
    at: Moment
    kind: EventKind
    body: dict[str, Any]


class FoundFact(_Document):
    """What a tool answered when the model asked for more; cited as `id`."""

    id: str
    tool: str
    arguments: dict[str, Any]
    items: dict[str, Any]
    free_text: bool = Field(False, description="Whether it is somebody's words and so carries no raise beyond a level.")


class Finding(_Document):
    """How an investigation ended: with a verdict, or with the reason for which the policy's decision stands."""

    verdict: Verdict | None = None
    failure: FallbackReason | None = None
    detail: str | None = Field(None, description="The failure in words.")
    model: str | None = None
    found: list[FoundFact] = Field(default_factory=list)
    usage: Usage = Usage()
    timing: Timing = Timing()


Mode = Literal["wait", "later"]
"""Whether the answer waits for it."""
InvestigationStatus = Literal["pending", "running", "done", "failed"]


class Investigation(_Document):
    """The record of one investigation."""

    investigation_id: str
    transaction_id: str
    decision_id: str
    customer_id: str
    begun_at: int = Field(ge=1, description="The revision of the decision that it looks at.")
    mode: Mode
    status: InvestigationStatus
    requested_by: str
    requested_at: Moment
    started_at: Moment | None = None
    ended_at: Moment | None = None
    deadline: Moment = Field(description="Given up after it.")
    traceparent: str | None = Field(None, description="The span of the decision that it belongs to (W3C).")
    finding: Finding | None = None
    revision: int | None = Field(None, description="The revision of the decision that it led to.")

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.status in ("done", "failed")
