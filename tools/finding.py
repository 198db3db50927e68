"""What every read tool answers with beside its own fields: facts with ids, reasons with points, the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from fraudray.bootstrap import App
from fraudray.domain.decision import PolicyRef, Reason
from fraudray.domain.evidence import Item
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Judgement, Policy
from fraudray.tools.errors import ToolUnavailableError

EvidenceById = Annotated[
    dict[str, Item],
    Field(description='Facts by id, `<tool>/<item>`; {"status": "not_given"} where the input was missing.'),
]
Reasons = Annotated[list[Reason], Field(description="The policy's rules that spoke on this tool's evidence alone.")]
PolicyUsed = Annotated[PolicyRef, Field(description="The policy that weighed the evidence.")]
Score = Annotated[int, Field(ge=0, le=100, description="The policy's score on this tool's evidence alone.")]


class Finding(BaseModel):
    """A read tool's result: its own fields, then `evidence`, `reasons` and `policy`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Look:
    """One read tool's evidence and what the policy makes of it."""

    policy: Policy
    items: dict[str, Item]
    judgement: Judgement
    common: dict[str, Any]
    """The fields `evidence`, `reasons` and `policy`."""

    def fact(self, item: str, name: str) -> Any:
        """A single fact; None when it is not there for whatever reason."""
        return self.items.get(item, {}).get(name)


def look(app: App, tool: str, tx: Transaction) -> Look:
    """Ask one read tool about a transaction; changes nothing. Raises ToolUnavailableError."""
    outlook = app.engine.preview(tx, only=tool)
    evidence, judgement = outlook.evidence.tools[tool], outlook.judgement
    if evidence.status != "ok":
        raise ToolUnavailableError(
            f"{tool} is unavailable ({evidence.error}): this says nothing about the transaction; try again or go on "
            "without it"
        )
    common = {
        "evidence": {f"{tool}/{name}": item for name, item in evidence.items.items()},
        "reasons": list(judgement.reasons),
        "policy": outlook.policy.ref,
    }
    return Look(outlook.policy, evidence.items, judgement, common)
