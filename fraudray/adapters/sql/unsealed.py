"""Reading what is sealed beside the process that owns the store.

No key is kept: an erasure by the owner holds for the very next question here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import orjson
from sqlalchemy import Connection, Select, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.vault import Box, Vault
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.evidence import GEOLOCATION_CHECKER, TRANSACTION_RISK
from fraudray.features.state import CustomerState

T = TypeVar("T")
_state_decoder = msgspec.msgpack.Decoder(CustomerState)
_document_decoder = msgspec.msgpack.Decoder(dict[str, bytes])


@dataclass(frozen=True, slots=True)
class Opened:
    """What research needs of a stored decision and its transaction."""

    device: str | None
    address: str | None
    place: str | None
    amount_base: float | None
    base_currency: str | None


class Unsealed:
    """Opens what was sealed for customers, within one connection; None for what cannot be opened any more."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection, self._vault = connection, vault
        self._boxes: dict[str, Box | None] = {}  # for the length of one question

    def decision(self, customer_id: str, sealed: bytes) -> Opened | None:
        """A decision's document."""
        document = self._open(customer_id, sealed, _document_decoder.decode)
        if document is None:
            return None
        tx, evidence = orjson.loads(document["transaction"]), orjson.loads(document["decision"])["evidence"]
        amount, place = (
            evidence.get(tool, {}).get("items", {}).get(item, {})
            for tool, item in ((TRANSACTION_RISK, "amount"), (GEOLOCATION_CHECKER, "place"))
        )
        return Opened(
            device=tx.get("device_id") or tx.get("device_fingerprint"),
            address=tx.get("ip_address"),
            place=place.get("label") or tx.get("location"),
            amount_base=amount.get("amount_base"),
            base_currency=amount.get("base_currency"),
        )

    def profile(self, customer_id: str) -> CustomerProfile | None:
        """What is registered of the customer."""
        sealed = self._sealed(select(t.customers.c.profile_sealed).where(t.customers.c.customer_id == customer_id))
        return None if sealed is None else self._open(customer_id, sealed, CustomerProfile.model_validate_json)

    def state(self, customer_id: str) -> CustomerState:
        """What is remembered of the customer."""
        c = t.customer_states.c
        sealed = self._sealed(select(c.state_sealed).where(c.customer_id == customer_id))
        found = None if sealed is None else self._open(customer_id, sealed, _state_decoder.decode)
        return found or CustomerState()

    def disposition(self, customer_id: str, sealed: bytes) -> str | None:
        """How a case ended, in the words of whoever closed it."""
        body = self._open(customer_id, sealed, orjson.loads)
        return str(body.get("disposition", "")) if isinstance(body, dict) else None

    def _sealed(self, statement: Select[Any]) -> bytes | None:
        found = self._connection.execute(statement).scalar()
        return None if found is None else bytes(found)

    def _open(self, customer_id: str, sealed: bytes, decode: Callable[[bytes], T]) -> T | None:
        if customer_id not in self._boxes:
            c = t.customer_keys.c
            wrapped = self._sealed(select(c.wrapped).where(c.customer_id == customer_id))
            self._boxes[customer_id] = None if wrapped is None else self._vault.customer_box(wrapped, customer_id)
        box = self._boxes[customer_id]
        try:
            return None if box is None else decode(box.open(sealed, customer_id))
        except ValueError:
            return None  # sealed under a key that was destroyed before a new one was made
