"""What the tools found: facts with ids, never weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Item = dict[str, Any]
"""One finding: scalar facts by name. `{"status": "not_given"}` where the input for it is missing."""


class Absence(StrEnum):
    """Why a fact is not there. Only a tool's failure ("unavailable") is ever weighed."""

    NOT_GIVEN = "not_given"
    NOT_RECORDED = "not_recorded"
    UNAVAILABLE = "unavailable"


TRANSACTION_RISK = "transaction-risk"
IDENTITY_VERIFIER = "identity-verifier"
GEOLOCATION_CHECKER = "geolocation-checker"
LISTS = "lists"
"""Where the list entries that match stand in the evidence, each under its id; no tool."""
READ_TOOLS = (TRANSACTION_RISK, IDENTITY_VERIFIER, GEOLOCATION_CHECKER)


class ToolEvidence(BaseModel):
    """One tool's findings. An item's id is `<tool>/<item>`, which reasons cite."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["ok", "unavailable"] = "ok"
    latency_ms: float = 0.0
    # Plain values by contract; checking every one would double what a decision's document costs.
    items: dict[str, Any] = Field(default_factory=dict, description="Findings by name: scalar facts by name.")
    error: str | None = Field(None, description="Why the tool is unavailable.")


@dataclass(slots=True)
class Evidence:
    """All tools' findings for one transaction."""

    tools: dict[str, ToolEvidence] = field(default_factory=dict)

    def fact(self, tool: str, item: str, name: str) -> Any:
        """A single fact, or None when it is not there for whatever reason."""
        found = self.tools.get(tool)
        return found.items.get(item, {}).get(name) if found else None
