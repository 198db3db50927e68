"""Who investigates, as the engine's side sees it: in this process, or in a deployment of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.decision import Outcome, Reason
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


class Investigator(Protocol):
    """Investigates."""

    def investigate(self, brief: Brief) -> AsyncGenerator[Event]:
        """What happens, as it happens; the last event is `finished` with the Finding. Raises nothing expected:
        failures are findings. Closing the iterator ends the investigation at once."""
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
