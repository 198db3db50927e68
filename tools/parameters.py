"""Kinds of parameters. They are the transaction's own types, so that limits, masking and messages are the same."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from fraudray.domain.research import DAYS_MAX, ROWS_MAX
from fraudray.domain.text import FreeText, Identifier, Memo
from fraudray.domain.transaction import Channel, Funding, IpAddress, Latitude, Longitude, Timestamp, TransactionType


def _blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


NOT_GIVEN = BeforeValidator(_blank)
_ZONELESS = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?")
"""Null and the empty string both mean that the caller does not know: nothing is filled in for it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _claim(value: str) -> str:
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(value):
        raise PydanticCustomError("control_character", "contains a control character")
    return value


def _case_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", value):
        raise PydanticCustomError("case_id", "has up to 64 letters, digits, dots, dashes, colons or underscores")
    return value


TransactionId = Annotated[Identifier, Field(description="The transaction's id, for example TXN-20251201-100000.")]
CustomerId = Annotated[Identifier, Field(description="The customer's id, for example C-12345.")]
CaseId = Annotated[
    Identifier, AfterValidator(_case_id), Field(description="The case, for example FRD-2026-0001.")
]  # fmt: skip
Claim = Annotated[str, StringConstraints(min_length=1, max_length=4000, strict=True), AfterValidator(_claim)]
"""Up to 4,000 characters in lines; kept as the caller's claim, never as fact."""

Days = Annotated[int, Field(ge=1, le=DAYS_MAX, strict=True, description="How many days back to look; 1 to 365.")]
Limit = Annotated[int, Field(ge=1, le=ROWS_MAX, strict=True, description="How many to list; 1 to 20.")]

OptionalId = Annotated[Identifier | None, NOT_GIVEN]
OptionalText = Annotated[FreeText | None, NOT_GIVEN]
OptionalMemo = Annotated[
    Memo | None, NOT_GIVEN, Field(description="The text given with the payment; card numbers in it are masked.")
]
OptionalDevice = Annotated[
    Identifier | None, NOT_GIVEN, Field(description="The id of the device that paid; null if unknown.")
]
OptionalTransaction = Annotated[
    Identifier | None, NOT_GIVEN, Field(description="The transaction that this is about; null if unknown.")
]
OptionalAddress = Annotated[IpAddress | None, NOT_GIVEN, Field(description="IPv4 or IPv6 address; null if unknown.")]


def _moment(value: object) -> object:
    """A time without a zone is no moment: like the agents of the AWS sample send it, it counts as not given."""
    return None if isinstance(value, str) and _ZONELESS.fullmatch(value.strip()) else value


OptionalMoment = Annotated[
    Timestamp | None,
    NOT_GIVEN,
    BeforeValidator(_moment),
    Field(
        description="RFC 3339 with its zone, for example 2025-12-01T19:13:54Z; null if unknown. A time without a zone "
        "counts as not given: it is not known which moment it means."
    ),
]
OptionalLatitude = Annotated[Latitude | None, Field(description="Decimal degrees; needs the longitude too.")]
OptionalLongitude = Annotated[Longitude | None, Field(description="Decimal degrees; needs the latitude too.")]
OptionalFlag = Annotated[Annotated[bool, Field(strict=True)] | None, Field(description="null if unknown.")]
OptionalChannel = Annotated[
    Channel | None, NOT_GIVEN, Field(description="How the card or wallet was used; null if unknown.")
]
OptionalFunding = Annotated[Funding | None, NOT_GIVEN, Field(description="What stands behind the instrument.")]
OptionalType = Annotated[TransactionType | None, NOT_GIVEN, Field(description="authorization when left out.")]
OptionalInstrument = Annotated[
    Identifier | None,
    NOT_GIVEN,
    Field(description="Token of the card or wallet, never the card number: velocity and travel are judged per card."),
]
