"""A card or wallet transaction as it arrives: the contract of every face of fraudray."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from fraudray.domain.cards import mask
from fraudray.domain.duration import parse_duration
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.money import UnknownCurrency, check_amount, from_minor, minor_units, to_minor
from fraudray.domain.text import Email, FreeText, Identifier, Memo

CLOCK_SKEW = timedelta(minutes=5)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
DEFAULT_CURRENCY = "USD"
AMOUNT_LIMIT = Decimal(10) ** 12
_LISTED = re.compile("frozenset", re.IGNORECASE)  # what pydantic calls a list without repeats
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")


class TransactionType(StrEnum):
    """Where a message stands in the life of a purchase."""

    AUTHORIZATION = "authorization"
    INCREMENTAL_AUTHORIZATION = "incremental_authorization"
    CAPTURE = "capture"
    REVERSAL = "reversal"
    REFUND = "refund"

    @property
    def spends(self) -> bool:
        """Whether it asks for the customer's money; a reversal or refund gives money back."""
        return self not in (TransactionType.REVERSAL, TransactionType.REFUND)

    @property
    def follows(self) -> bool:
        """Whether it continues an earlier purchase, which it must name."""
        return self is not TransactionType.AUTHORIZATION


class Channel(StrEnum):
    """How the card or wallet was used."""

    POS = "pos"
    ECOMMERCE = "ecommerce"
    MOTO = "moto"
    ATM = "atm"
    RECURRING = "recurring"
    MOBILE = "mobile"
    TRANSFER = "transfer"


class Funding(StrEnum):
    """What stands behind the instrument."""

    CREDIT = "credit"
    DEBIT = "debit"
    PREPAID = "prepaid"
    CHARGE = "charge"
    WALLET = "wallet"
    BANK_ACCOUNT = "bank_account"


class ProcessorOutcome(StrEnum):
    """What the processor or issuer answered, where it is known already."""

    APPROVED = "approved"
    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    DO_NOT_HONOR = "do_not_honor"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    LOST_OR_STOLEN = "lost_or_stolen"
    PROCESSOR_UNAVAILABLE = "processor_unavailable"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    TIMEOUT = "timeout"
    NETWORK_ERROR = "network_error"

    @property
    def reached_issuer(self) -> bool:
        """Whether the issuer saw the attempt; one that it never saw says nothing about the customer."""
        return self not in _UNREACHED

    @property
    def declined(self) -> bool:
        """Whether the attempt ended without money moving."""
        return self is not ProcessorOutcome.APPROVED


_UNREACHED = frozenset(
    {
        ProcessorOutcome.PROCESSOR_UNAVAILABLE,
        ProcessorOutcome.ISSUER_UNAVAILABLE,
        ProcessorOutcome.TIMEOUT,
        ProcessorOutcome.NETWORK_ERROR,
    }
)


def _rfc3339(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise PydanticCustomError("timestamp_zone", "needs a time zone, for example 2026-01-31T12:00:00Z")
        return value.astimezone(UTC)
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise PydanticCustomError(
            "timestamp_format", "is not an RFC 3339 date-time with its zone, for example 2026-01-31T12:00:00Z"
        )
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("timestamp_value", "is not a date and time that exists") from None


def decimal_amount(value: object) -> object:
    """An amount from JSON or Python as an exact decimal; anything but a number is refused."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise PydanticCustomError("amount_type", "is not a number")
    if isinstance(value, str) and (
        len(value) > 40 or not re.fullmatch(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", value)
    ):
        raise PydanticCustomError("amount_type", "is not a decimal number such as 250.00")
    # A float reaches here only from Python callers: its shortest decimal spelling is what they wrote.
    return Decimal(repr(value)) if isinstance(value, float) else value


def _address(value: object) -> object:
    if not isinstance(value, str) or len(value) > 64:
        raise PydanticCustomError("ip_address", "is not an IPv4 or IPv6 address")
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise PydanticCustomError("ip_address", "is not an IPv4 or IPv6 address") from None


Timestamp = Annotated[datetime, BeforeValidator(_rfc3339, json_schema_input_type=str)]
IpAddress = Annotated[str, BeforeValidator(_address, json_schema_input_type=str)]
Degrees = BeforeValidator(
    lambda value: float(value) if isinstance(value, Decimal) else value, json_schema_input_type=float
)
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=True), Degrees]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=True), Degrees]


class Transaction(BaseModel):
    """One transaction. Only the first four fields are required; what is left out is "not given", never guessed.

    Times are UTC inside; the amount is a decimal in `currency` (USD when left out) with at most that currency's
    minor units. Names and ids are kept as sent, save that card numbers in free text are masked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))

    transaction_id: Identifier = Field(description="Idempotency key: one id, one decision.")
    customer_id: Identifier
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", strict=True)] = Field(
        DEFAULT_CURRENCY, description="ISO 4217 code."
    )
    amount: Annotated[Decimal, BeforeValidator(decimal_amount)] = Field(
        gt=0, lt=AMOUNT_LIMIT, allow_inf_nan=False, description="In units of `currency`, at most its minor units."
    )
    merchant: FreeText
    merchant_category: FreeText | None = None
    mcc: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$", strict=True)] | None = Field(
        None, description="ISO 18245 merchant category code."
    )
    terminal_id: Identifier | None = None
    channel: Channel | None = None
    card_present: Annotated[bool, Field(strict=True)] | None = None
    location: FreeText | None = Field(
        None, description="Where the card was or, card-not-present, where the customer says to be."
    )
    latitude: Latitude | None = None
    longitude: Longitude | None = Field(None, validate_default=True)
    timestamp: Timestamp | None = Field(None, description="RFC 3339; the time of arrival when left out.")
    previous_location: FreeText | None = None
    previous_latitude: Latitude | None = None
    previous_longitude: Longitude | None = Field(None, validate_default=True)
    previous_timestamp: Timestamp | None = None
    time_since_last_transaction: Annotated[str, StringConstraints(max_length=64, strict=True)] | None = Field(
        None, description='A duration: "30 minutes ago", "1h 30m", "PT30M".'
    )
    device_id: Identifier | None = None
    device_fingerprint: Identifier | None = None
    ip_address: IpAddress | None = None
    email: Email | None = Field(None, description="The e-mail address given with the purchase.")
    instrument_id: Identifier | None = Field(None, description="Card or wallet token.")
    funding: Funding | None = None
    transaction_type: TransactionType = TransactionType.AUTHORIZATION
    original_transaction_id: Identifier | None = Field(None, validate_default=True)
    processor_outcome: ProcessorOutcome | None = None
    memo: Memo | None = None
    biometric_sample: Annotated[str, StringConstraints(min_length=1, max_length=4096, strict=True)] | None = Field(
        None, repr=False
    )

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        try:
            minor_units(value)
        except UnknownCurrency:
            raise PydanticCustomError("currency_unknown", "is not an ISO 4217 currency code") from None
        return value

    @field_validator("amount")
    @classmethod
    def _whole_minor_units(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        currency = info.data.get("currency")
        if currency is None:
            return value
        try:
            check_amount(value, currency)
        except ValueError as error:
            raise PydanticCustomError("amount_minor_units", "{why}", {"why": str(error)}) from None
        return from_minor(to_minor(value, currency), currency)

    @field_validator("timestamp", "previous_timestamp")
    @classmethod
    def _within_reason(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        now = info.context.get("now") if info.context else None
        if value is not None and value < OLDEST:
            raise PydanticCustomError("timestamp_past", "lies before the year 2000")
        if value is not None and now is not None and value > now + CLOCK_SKEW:
            raise PydanticCustomError("timestamp_future", "lies more than five minutes in the future")
        happened = info.data.get("timestamp") if info.field_name == "previous_timestamp" else None
        if value is not None and happened is not None and value > happened:
            raise PydanticCustomError("previous_later", "lies after the transaction's own timestamp")
        return value

    @field_validator("longitude", "previous_longitude")
    @classmethod
    def _both_coordinates(cls, value: float | None, info: ValidationInfo) -> float | None:
        other = str(info.field_name).replace("longitude", "latitude")
        if other in info.data and (info.data[other] is None) != (value is None):
            raise PydanticCustomError("coordinates", "latitude and longitude are given together or not at all")
        return value

    @field_validator("time_since_last_transaction")
    @classmethod
    def _readable_duration(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if info.data.get("previous_timestamp") is not None:
            raise PydanticCustomError("duration_twice", "give this or previous_timestamp, not both")
        try:
            parse_duration(value)
        except ValueError as error:
            raise PydanticCustomError("duration", "{why}", {"why": str(error)}) from None
        return value

    @field_validator("original_transaction_id")
    @classmethod
    def _names_its_original(cls, value: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("transaction_type")
        if kind is None:
            return value
        if kind.follows and value is None:
            raise PydanticCustomError(
                "original_missing", "a {kind} names its original transaction", {"kind": kind.value}
            )
        if not kind.follows and value is not None:
            raise PydanticCustomError("original_unexpected", "an authorization has no original transaction")
        if value is not None and value == info.data.get("transaction_id"):
            raise PydanticCustomError("original_self", "a transaction is not its own original")
        return value

    @classmethod
    def parse(cls, data: Mapping[str, Any] | Self, *, now: datetime) -> Self:
        """A transaction from decoded JSON, at the moment `now` (UTC).

        Raises:
            InvalidTransaction: naming every bad field; no value is repeated in it.
        """
        try:
            return cls.model_validate(data, context={"now": now})
        except ValidationError as error:
            raise InvalidTransaction(field_problems(error)) from None

    @classmethod
    def of_checked(cls, values: Mapping[str, Any]) -> Self:
        """A transaction from values that were checked before and are as `parse` leaves them. Nothing is checked."""
        tx = cls.__new__(cls)
        object.__setattr__(tx, "__dict__", {**_NOT_GIVEN, **values})
        object.__setattr__(tx, "__pydantic_fields_set__", set(values))
        object.__setattr__(tx, "__pydantic_extra__", None)
        object.__setattr__(tx, "__pydantic_private__", None)
        return tx

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the normalised content: equal for the same body however its keys and numbers are written."""
        sample = (self.biometric_sample or "").encode("utf-8", "surrogatepass")
        return hashlib.sha256(self.stored_json + b"\0" + sample).hexdigest()

    @cached_property
    def stored_json(self) -> bytes:
        """The normalised transaction as it is kept: all but the biometric sample, which is never stored."""
        return self.model_dump_json(exclude_none=True, exclude={"biometric_sample"}).encode()

    @cached_property
    def amount_minor(self) -> int:
        """The amount in minor units of its currency."""
        return to_minor(self.amount, self.currency)

    def occurred_at(self, now: datetime) -> datetime:
        """When it happened: its timestamp or, not given, the moment of arrival."""
        return self.timestamp or now

    def previous_at(self, now: datetime) -> datetime | None:
        """When the previous transaction is said to have happened; None when not given."""
        if self.time_since_last_transaction is not None:
            return self.occurred_at(now) - parse_duration(self.time_since_last_transaction)
        return self.previous_timestamp

    @cached_property
    def instrument_key(self) -> str:
        """What travels and spends as one: the card, all of a customer's wallet tokens, or the customer."""
        if self.funding is Funding.WALLET:
            return "wallet"  # a wallet may send a fresh token per attempt
        return f"instrument:{self.instrument_id}" if self.instrument_id else "customer"

    @property
    def device_key(self) -> str | None:
        """What the device is known by: its id, else its fingerprint."""
        return self.device_id or self.device_fingerprint

    @property
    def purchase_id(self) -> str:
        """The transaction that began this purchase."""
        return self.original_transaction_id or self.transaction_id


_NOT_GIVEN: dict[str, Any] = {
    name: field.default for name, field in Transaction.model_fields.items() if not field.is_required()
}


def load_json(body: bytes | str) -> Any:
    """Decode JSON with exact decimals; refuses a key given twice.

    Raises:
        ValueError: not JSON, nested too deeply, or with a repeated key.
    """
    try:
        return json.loads(body, parse_float=Decimal, object_pairs_hook=_no_repeated_key)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ArithmeticError:
        raise ValueError("a number in it is out of range") from None


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return found


def field_problems(error: ValidationError) -> list[FieldProblem]:
    """Every failure in a pydantic error, by dotted field name, never repeating the input."""
    return [
        FieldProblem(
            mask(".".join(str(part) for part in detail["loc"]))[:200],
            detail["type"],
            "is not a field of this document"
            if detail["type"] == "extra_forbidden"
            else mask(_LISTED.sub("List", detail["msg"])),
        )
        for detail in error.errors(include_url=False, include_input=False, include_context=False)
    ]
