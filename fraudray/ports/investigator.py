"""Who investigates, as the engine's side sees it: in this process, or in a deployment of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.decision import Action, Adjustment, InvestigatorState, Outcome, Reason, StepUp
from fraudray.domain.evidence import ToolEvidence
from fraudray.domain.investigation import Event


class Budget(BaseModel):
    """What one investigation may use, from the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit_s: float = Field(gt=0)
    first_token_s: float = Field(gt=0)
    stall_s: float = Field(gt=0)
    steps_max: int = Field(ge=1, description="Round trips to the model.")
    tool_calls_max: int = Field(ge=0)
    tokens_max: int = Field(ge=1, description="Completion tokens, all round trips together.")
    thinking_tokens_max: int = Field(ge=0, description="Of one round trip.")
    verdict_s: float | None = Field(None, gt=0, description="Somebody waits so long for the verdict; None: limit_s.")


class Brief(BaseModel):
    """Everything that an investigation begins with. Crosses process borders as JSON.

    `transaction` holds the stored transaction's fields; whatever is free text in it is hostile until quoted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    investigation_id: str
    transaction_id: str
    transaction: Mapping[str, Any]
    evidence: dict[str, ToolEvidence]
    reasons: list[Reason]
    score: int
    decision: Outcome
    thresholds: dict[str, int] = Field(description="`review` and `block`, 0-100.")
    two_levels_from: int | None = Field(
        None, description="The weight that a verdict of BLOCK must cite to go up two levels; None where it cannot."
    )
    may_lower: bool = Field(False, description="Whether a verdict may take a level off at all.")
    budget: Budget
    waiting: bool = Field(description="Whether a client waits for it.")
    traceparent: str | None = None


class AskedDecision(BaseModel):
    """One decision of a case that is asked about; `transaction` is hostile until quoted, as in a Brief."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="d1, d2, ...: what its parts are cited by.")
    transaction_id: str
    decided_at: datetime
    revision: int
    transaction: Mapping[str, Any]
    evidence: dict[str, ToolEvidence]
    reasons: list[Reason]
    adjustments: list[Adjustment]
    actions: list[Action]
    investigator: InvestigatorState
    step_up: StepUp | None
    score: int
    decision: Outcome
    thresholds: dict[str, int] = Field(description="`review` and `block`, 0-100.")


class AskedEntry(BaseModel):
    """One entry of it: author and body are hostile until quoted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="n1, n2, ...")
    at: datetime
    author: str
    kind: str
    body: Mapping[str, Any]


class AskBrief(BaseModel):
    """A question about a case, and the case's material, the newest first. Crosses process borders as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question_id: str
    question: str
    case: Mapping[str, Any] = Field(description="What the case is: plain words, numbers and times.")
    decisions: list[AskedDecision]
    decisions_in_case: int
    entries: list[AskedEntry]
    entries_in_case: int
    budget: Budget
    traceparent: str | None = None


class Investigator(Protocol):
    """Investigates."""

    def investigate(self, brief: Brief) -> AsyncGenerator[Event]:
        """What happens, as it happens; the last event is `finished` with the Finding. Raises nothing expected:
        failures are findings. Closing the iterator ends the investigation at once."""
        ...

    def answer(self, asked: AskBrief) -> AsyncGenerator[Event]:
        """What happens while a question about a case is answered; the last event is `finished` with the Reply, as in
        `investigate`."""
        ...

    async def probe(self) -> None:
        """Whether the model answers (one token). Raises ModelFailed."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

    async def breaker(self) -> str:
        """`closed`, `open` or `half-open`."""
        ...
