"""A transaction of which a caller knows only a part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.text import FreeText, Identifier
from fraudray.domain.transaction import AMOUNT_LIMIT, Transaction, decimal_amount

Amount = Annotated[
    Decimal,
    BeforeValidator(decimal_amount),
    Field(gt=0, lt=AMOUNT_LIMIT, allow_inf_nan=False, description="In units of the currency, for example 250.00."),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]


class PartialTransaction(Transaction):
    """What is missing is "not given" to every check. It can be looked at (`Engine.look`) but never decided."""

    transaction_id: Identifier | None = None  # type: ignore[assignment]
    amount: Amount | None = None  # type: ignore[assignment]
    merchant: FreeText | None = None  # type: ignore[assignment]


def parse_partial(given: Mapping[str, Any], *, now: datetime, names: Mapping[str, str]) -> PartialTransaction:
    """The transaction of which `given` holds some fields; None means not given.

    `names` says what a field is called in the tool's signature where that differs.
    Raises InvalidTransaction in the signature's names.
    """
    try:
        return PartialTransaction.parse({name: value for name, value in given.items() if value is not None}, now=now)
    except InvalidTransaction as error:
        raise InvalidTransaction(
            [FieldProblem(names.get(p.field, p.field), p.code, p.message) for p in error.problems]
        ) from None
