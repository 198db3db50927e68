"""The fields of a transaction as a form, and what the reader entered as a transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.money import currencies
from fraudray.domain.transaction import Channel, Funding, ProcessorOutcome, TransactionType

JSON_CHARS_MAX = 64 * 1024
YES_NO = (("true", "yes"), ("false", "no"))
Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how it is asked for."""

    name: str
    label: str
    hint: str = ""
    options: Options = ()
    keyboard: str = "text"
    """As `inputmode` has it."""
    required: bool = False
    wide: bool = False
    now: bool = False
    """Whether a button fills in the present moment."""
    list_name: str = ""
    """The list of suggestions to choose from."""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together."""

    title: str
    fields: tuple[Field, ...]
    open: bool = True


def _words(values: Any) -> Options:
    return tuple((str(value), str(value).replace("_", " ")) for value in values)


GROUPS = (
    Group("Payment", (
        Field("transaction_id", "Transaction id", "One id, one decision.", required=True),
        Field("customer_id", "Customer id", required=True),
        Field("amount", "Amount", keyboard="decimal", required=True),
        Field("currency", "Currency", "USD when left out.", list_name="currencies"),
        Field("merchant", "Merchant", required=True),
        Field("merchant_category", "Merchant category"),
        Field("mcc", "MCC", "Four digits.", keyboard="numeric"),
        Field("channel", "Channel", options=_words(Channel)),
        Field("card_present", "Card present", options=YES_NO),
        Field("timestamp", "Time", "Now when left out.", now=True),
    )),
    Group("Place", (
        Field("location", "Place"),
        Field("previous_location", "Place before"),
        Field("time_since_last_transaction", "Time since then", "30 minutes ago, 1h 30m"),
        Field("ip_address", "IP address"),
    )),
    Group("Device and instrument", (
        Field("device_id", "Device id"),
        Field("device_fingerprint", "Device fingerprint"),
        Field("instrument_id", "Card or wallet token"),
        Field("funding", "Funding", options=_words(Funding)),
        Field("email", "E-mail", keyboard="email"),
        Field("terminal_id", "Terminal id"),
    )),
    Group("Coordinates, life cycle, other", (
        Field("latitude", "Latitude", keyboard="decimal"),
        Field("longitude", "Longitude", keyboard="decimal"),
        Field("previous_latitude", "Latitude before", keyboard="decimal"),
        Field("previous_longitude", "Longitude before", keyboard="decimal"),
        Field("previous_timestamp", "Time before", "In place of the time since then."),
        Field("transaction_type", "Type", options=_words(TransactionType)),
        Field("original_transaction_id", "Original transaction"),
        Field("processor_outcome", "Processor's answer", options=_words(ProcessorOutcome)),
        Field("biometric_sample", "Biometric sample"),
        Field("memo", "Memo", wide=True),
    ), open=False),
)  # fmt: skip

FIELDS = {field.name: field for group in GROUPS for field in group.fields}
_NUMBERS = frozenset({"latitude", "longitude", "previous_latitude", "previous_longitude"})


def form_view() -> dict[str, Any]:
    """What the form's template needs."""
    return {"groups": GROUPS, "currencies": currencies()}


def transaction_of(entered: Mapping[str, Any]) -> dict[str, Any]:
    """The transaction that was entered: from the JSON box where `as_json` says so, else from the fields.

    Raises InvalidTransaction for JSON that cannot be read; what the values are worth is the API's to say.
    """
    if entered.get("as_json") == "true":
        return _of_json(str(entered.get("json", "")))
    values: dict[str, Any] = {}
    for name in FIELDS:
        text = str(entered.get(f"tx-{name}") or "").strip()
        if text:
            values[name] = _value(name, text)
    return values


def _of_json(text: str) -> dict[str, Any]:
    if len(text) > JSON_CHARS_MAX:
        raise _unreadable("json", "too_long", f"has more than {JSON_CHARS_MAX} characters")
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except RecursionError:
        raise _unreadable("json", "nested", "is nested too deep") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _unreadable("json", "json", f"is no JSON: {error.msg} ({where})") from None
    if not isinstance(found, dict):
        raise _unreadable("json", "object", "is no JSON object: a transaction is written in { }")
    return found


def _no_number(word: str) -> None:
    raise _unreadable("json", "number", f"is no JSON: {word} is not a number")


def _unreadable(field: str, code: str, message: str) -> InvalidTransaction:
    return InvalidTransaction([FieldProblem(field, code, message)])


def _value(name: str, text: str) -> Any:
    if name == "card_present":
        return text == "true"
    if name in _NUMBERS:
        try:
            return float(text)
        except ValueError:
            return text  # refused by name
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that the API does not accept."""

    field: str
    label: str
    message: str


def problems_of(error: InvalidTransaction) -> list[Problem]:
    """The fields that are not accepted, with the words that the form has for them."""
    return [
        Problem(p.field, FIELDS[p.field].label if p.field in FIELDS else p.field or "The transaction", p.message)
        for p in error.problems[:40]
    ]
