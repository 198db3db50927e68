"""The published JSON Schemas (draft 2020-12) of what goes in and comes out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from fraudray.domain.case import Case
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Decision
from fraudray.domain.label import Label
from fraudray.domain.transaction import Transaction
from fraudray.policy.schema import PolicyDocument

_MODELS: dict[str, tuple[type[BaseModel], Literal["validation", "serialization"]]] = {
    "transaction": (Transaction, "validation"),
    "customer": (CustomerProfile, "validation"),
    "label": (Label, "validation"),
    "policy": (PolicyDocument, "validation"),
    "decision": (Decision, "serialization"),
    "case": (Case, "serialization"),
}
NAMES = tuple(_MODELS)


def json_schema(name: str) -> dict[str, Any]:
    """The schema of that name. Raises KeyError."""
    model, mode = _MODELS[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema(mode=mode)
