"""A mapping: from the columns of a foreign history to the fields of a transaction and its labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fraudray.batch.history.forms import Amount, AnyForm, CsvForm, Degrees, Flag, Scenario, Text, Time

NULLS = ("", "NULL", "null", "Null", "(null)", "NaN", "nan", "None", "N/A", "\\N")
Path_ = tuple[str, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TransactionMapping(_Section):
    """A form for each field that the history records; the others are "not recorded"."""

    transaction_id: Text
    customer_id: Text
    amount: Amount
    merchant: Text
    timestamp: Time
    currency: Text | None = Field(None, description="USD when left out, as everywhere in fraudray.")
    merchant_category: Text | None = None
    mcc: Text | None = None
    terminal_id: Text | None = None
    channel: Text | None = None
    card_present: Flag | None = None
    location: Text | None = None
    latitude: Degrees | None = None
    longitude: Degrees | None = None
    previous_location: Text | None = None
    previous_latitude: Degrees | None = None
    previous_longitude: Degrees | None = None
    previous_timestamp: Time | None = None
    time_since_last_transaction: Text | None = None
    device_id: Text | None = None
    device_fingerprint: Text | None = None
    ip_address: Text | None = None
    email: Text | None = None
    instrument_id: Text | None = None
    funding: Text | None = None
    transaction_type: Text | None = None
    original_transaction_id: Text | None = None
    processor_outcome: Text | None = None
    memo: Text | None = None

    @model_validator(mode="after")
    def _both_coordinates(self) -> Self:
        for before in ("", "previous_"):
            pair = [getattr(self, f"{before}{name}") is None for name in ("latitude", "longitude")]
            if pair[0] != pair[1]:
                raise ValueError(f"{before}latitude and {before}longitude are mapped together or not at all")
        return self


class LabelMapping(_Section):
    """What became known afterwards. Never a feature."""

    fraud: Flag | None = None
    scenario: Scenario | None = None
    known_at: Time | None = Field(None, description="When the label became known.")


class Mapping(_Section):
    """One mapping file."""

    description: str = ""
    transaction: TransactionMapping
    received_at: Time | None = Field(None, description="When it arrived; the timestamp when left out.")
    labels: LabelMapping = LabelMapping()
    nulls: Annotated[tuple[str, ...], Field(description="Texts that mean: not given.")] = NULLS
    csv: CsvForm = CsvForm()

    def forms(self) -> Iterator[tuple[Path_, AnyForm]]:
        """Every form with its place in the file, in order."""
        for section, model in (("transaction", self.transaction), ("labels", self.labels)):
            for name in type(model).model_fields:
                form = getattr(model, name)
                if form is not None:
                    yield (section, name), form
        if self.received_at is not None:
            yield ("received_at",), self.received_at

    @property
    def columns(self) -> tuple[str, ...]:
        """Every source column that it reads, each once, in order."""
        return tuple(dict.fromkeys(column for _, form in self.forms() for column in form.columns))

    def fields(self, present: frozenset[str]) -> tuple[str, ...]:
        """The fields of a transaction that are recorded when the source has the columns `present`."""
        found = []
        for (section, *rest), form in self.forms():
            if section == "transaction" and all(column in present for column in form.columns):
                found.append(rest[0])
        if "currency" not in found:
            found.append("currency")  # its column is always there: an amount without a currency is none
        return tuple(found)


def mapping_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of mapping files."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Mapping.model_json_schema()
