"""What a bank has registered about a customer, and the freeze that may lie on the account."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from fraudray.domain.money import check_amount
from fraudray.domain.text import Email, FreeText, Identifier, no_card_number
from fraudray.domain.transaction import IpAddress, Timestamp


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Device(_Record):
    """A registered device."""

    device_id: Identifier
    registered_at: Timestamp | None = None


class UsualAmounts(_Record):
    """What the customer usually spends at once, as the bank knows it."""

    low: Decimal = Field(ge=0, allow_inf_nan=False)
    high: Decimal = Field(gt=0, allow_inf_nan=False)
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for amount in (self.low, self.high):
            try:
                check_amount(amount, self.currency)
            except ValueError as error:
                raise PydanticCustomError("usual_amounts", "{why}", {"why": str(error)}) from None
        if self.low > self.high:
            raise PydanticCustomError("usual_amounts", "low is above high")
        return self


class BiometricTemplate(_Record):
    """A salted hash of an enrolled sample. It proves an identical sample, not a living person."""

    salt: str = Field(pattern=r"^[0-9a-f]{16,128}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @staticmethod
    def digest(salt: bytes, sample: str) -> str:
        """SHA-256 of salt and sample (UTF-8), in hexadecimal."""
        return hashlib.sha256(salt + sample.encode("utf-8", "surrogatepass")).hexdigest()

    def matches(self, sample: str) -> bool:
        """Whether `sample` is the enrolled one, compared in constant time."""
        return hmac.compare_digest(self.digest(bytes.fromhex(self.salt), sample), self.sha256)


class ForeignTemplate(_Record):
    """A template of another matcher, which alone can read it."""

    matcher: str = Field(pattern=r"^[a-z][a-z0-9-]{0,63}$", description="The matcher's name.")
    template: str = Field(
        pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=32_768, description="What it is to be compared with, in base64."
    )


def _form(value: object) -> str:
    foreign = "matcher" in value if isinstance(value, dict) else isinstance(value, ForeignTemplate)
    return "foreign" if foreign else "salted_hash"


AnyTemplate = Annotated[
    Annotated[BiometricTemplate, Tag("salted_hash")] | Annotated[ForeignTemplate, Tag("foreign")], Discriminator(_form)
]


class CustomerProfile(_Record):
    """A registered customer. Everything but the id is personal data and stored encrypted."""

    customer_id: Identifier
    name: FreeText | None = None
    email: Email | None = None
    phone: (
        Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()./-]{4,30}$"), AfterValidator(no_card_number)] | None
    ) = None
    home: FreeText | None = None
    registered_at: Timestamp | None = None
    devices: list[Device] = Field(default_factory=list, max_length=64)
    addresses: list[IpAddress] = Field(default_factory=list, max_length=64, description="IP addresses in use.")
    usual_amounts: UsualAmounts | None = None
    biometric: AnyTemplate | None = None

    def device(self, device_id: str) -> Device | None:
        """The registered device of that id."""
        return next((device for device in self.devices if device.device_id == device_id), None)


class Freeze(_Record):
    """A stop on a customer's account between two moments (UTC)."""

    freeze_id: str
    customer_id: str
    starts_at: datetime
    ends_at: datetime
    decision_id: str
    transaction_id: str

    def holds_at(self, moment: datetime) -> bool:
        """Whether it stops a transaction at `moment`."""
        return self.starts_at <= moment < self.ends_at
