"""Labels: what became known of a transaction afterwards, by a chargeback, an analyst or the customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from fraudray.domain.decision import Moment
from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.text import Identifier
from fraudray.domain.transaction import CLOCK_SKEW, OLDEST, Timestamp, field_problems

Said = Literal["fraud", "genuine", "unknown"]
"""`unknown` withdraws what was said before: nothing is known of the transaction any more."""


class LabelSource(StrEnum):
    """Who or what says so."""

    CHARGEBACK = "chargeback"
    DISPOSITION = "disposition"
    CUSTOMER = "customer"
    ISSUER = "issuer"
    OTHER = "other"


class Label(BaseModel):
    """One statement about one transaction: fraud, genuine, or that neither is known. A later one corrects it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transaction_id: Identifier
    label: Said
    source: LabelSource = LabelSource.OTHER
    scenario: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")] | None = Field(
        None, description="What kind of fraud, in the caller's words."
    )
    labelled_at: Timestamp | None = Field(None, description="RFC 3339: when it became known; left out, on arrival.")

    @field_validator("labelled_at")
    @classmethod
    def _within_reason(cls, value: datetime | None, info: Any) -> datetime | None:
        now = info.context.get("now") if info.context else None
        if value is not None and value < OLDEST:
            raise PydanticCustomError("timestamp_past", "lies before the year 2000")
        if value is not None and now is not None and value > now + CLOCK_SKEW:
            raise PydanticCustomError("timestamp_future", "lies more than five minutes in the future")
        return value

    @property
    def fraud(self) -> bool:
        """Whether it says fraud."""
        return self.label == "fraud"

    @classmethod
    def parse(cls, data: Mapping[str, Any] | Self, *, now: datetime) -> Self:
        """A label from decoded JSON. Raises InvalidTransaction naming every bad field."""
        try:
            return cls.model_validate(data, context={"now": now})
        except ValidationError as error:
            raise InvalidTransaction(field_problems(error)) from None


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label as it is kept; a transaction's labels are numbered from 1, and the last one holds."""

    label: Label
    revision: int
    labelled_at: datetime
    recorded_at: datetime
    author: str
    waiting: bool
    """Whether its transaction was not decided yet."""


Outcome = Literal["recorded", "corrected", "unchanged", "older"]
"""What became of a label: the first; one that changes what holds; one that says what holds already; one that is older
than what holds, and so changes nothing."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The answer to one label."""

    outcome: Outcome
    stored: StoredLabel
    """The label that holds now."""


class LabelRecord(BaseModel):
    """A label as every face shows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transaction_id: str
    label: Said
    source: LabelSource
    scenario: str | None = None
    labelled_at: Moment = Field(description="When it became known.")
    recorded_at: Moment
    author: str
    revision: int = Field(ge=1, description="The labels of a transaction are numbered; the last one holds.")
    waiting: bool = Field(description="Whether its transaction was not decided yet; once it is, the label counts.")
    outcome: Outcome | None = Field(None, description="What became of the label that was sent, in the answer to it.")

    @classmethod
    def of(cls, stored: StoredLabel, outcome: Outcome | None = None) -> Self:
        """A stored label, with the outcome of the one that was sent."""
        said = stored.label
        return cls(
            transaction_id=said.transaction_id, label=said.label, source=said.source, scenario=said.scenario,
            labelled_at=stored.labelled_at, recorded_at=stored.recorded_at, author=stored.author,
            revision=stored.revision, waiting=stored.waiting, outcome=outcome,
        )  # fmt: skip
