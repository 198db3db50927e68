"""Which cases are wanted, and in which order."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from fraudray.domain.case import CaseStatus
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.text import has_control_characters, is_unicode
from fraudray.domain.transaction import field_problems

QUERY_LENGTH_MAX = 200
Sort = Literal["newest", "risk", "oldest", "due", "amount"]
Wanted = Literal[CaseStatus, "active", "ready"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=QUERY_LENGTH_MAX, strict=True)]


class CaseQuery(BaseModel):
    """Every part that is given must hold. Amounts are in the policy's base currency, major units; times UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Wanted | None = Field(
        None, description="A status; `active`: not closed; `ready`: active, and nobody works on it or waits for it."
    )
    customer_id: Text | None = None
    q: Text | None = Field(
        None, description="Words that must all be there: the beginnings of words of ids, merchants and reason codes, "
        "or whole words of notes and names of files.",
    )  # fmt: skip
    reason: Text | None = Field(None, description="A reason code.")
    assignee: Text | None = None
    decision: Outcome | None = None
    disposition: Text | None = Field(None, description="fraud, genuine, inconclusive, lifted, merged, other.")
    score_min: int | None = Field(None, ge=0, le=100)
    amount_min: Decimal | None = Field(None, ge=0, le=1_000_000_000_000)
    amount_max: Decimal | None = Field(None, ge=0, le=1_000_000_000_000)
    opened_from: datetime | None = None
    opened_to: datetime | None = Field(None, description="Up to, not including.")
    overdue: bool = Field(False, description="Only active ones whose due time has passed.")
    sort: Sort = Field(
        "newest", description="newest alert first; risk: the highest score, then the oldest; due: the most overdue; "
        "amount: the largest.",
    )  # fmt: skip

    @field_validator("customer_id", "q", "reason", "assignee", "disposition")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and (has_control_characters(value) or not is_unicode(value) or "\t" in value):
            raise PydanticCustomError("control_character", "contains a control character")
        return value

    @field_validator("opened_from", "opened_to")
    @classmethod
    def _zoned(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise PydanticCustomError("timezone", "needs its zone: 2026-11-29T12:00:00Z")
        return value

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """A query from what somebody gave; None means that a part was left out. Raises InvalidTransaction naming every
        bad part."""
        try:
            return cls.model_validate({name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            raise InvalidTransaction(field_problems(error)) from None
