"""Customers' own keys: made with the first thing stored about them, held in a bounded cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from sqlalchemy import Connection, bindparam, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import Inserts, Reader
from fraudray.adapters.vault import Box, Vault
from fraudray.domain.errors import NotFound, Refused, SettingsError

_CACHE_MAX = 50_000
_WRAPPED = select(t.customer_keys.c.wrapped).where(t.customer_keys.c.customer_id == bindparam("customer_id"))
_WRAPPED_SOME = (
    select(t.customer_keys.c.customer_id, t.customer_keys.c.wrapped)
    .where(t.customer_keys.c.wrapped.is_not(None))
    .limit(3)
)


class CustomerKeys:
    """Finds, makes, holds and destroys customers' keys."""

    def __init__(self, vault: Vault, inserts: Inserts, reader: Reader) -> None:
        self._vault, self._inserts, self._reader = vault, inserts, reader
        self._boxes: OrderedDict[str, Box] = OrderedDict()
        self._forgotten = 0
        self._going: set[str] = set()
        """Whose keys are destroyed by what is not committed yet: others still read them."""
        self._lock = threading.Lock()

    def check_master(self, path: Path) -> None:
        """That what is stored was sealed under this master key. Raises SettingsError naming its file."""
        some = self._reader.all(_WRAPPED_SOME)
        if some and not any(self._opens(customer_id, bytes(wrapped)) for customer_id, wrapped in some):
            raise SettingsError(
                f"{path} is not the master key that this database was written with; put that one in its place"
            )

    def for_writing(self, connection: Connection, customer_id: str) -> Box:
        """The customer's box, made when there is none (or none any more). Call it in the writer's transaction."""
        box = self._cached(customer_id)
        if box is not None:
            return box
        stored = self._inserts.first(connection, _WRAPPED, customer_id=customer_id)
        if stored is not None and stored[0] is not None:
            return self._remember(customer_id, self._vault.customer_box(bytes(stored[0]), customer_id))
        wrapped, box = self._vault.new_customer_key(customer_id)
        if stored is None:
            self._inserts.insert(connection, t.customer_keys, [{"customer_id": customer_id, "wrapped": wrapped}])
        else:
            connection.execute(
                update(t.customer_keys).where(t.customer_keys.c.customer_id == customer_id).values(wrapped=wrapped)
            )
        return box  # cached once it is committed and read back

    def for_reading(self, customer_id: str) -> Box | None:
        """The customer's box; None when there is none (nothing stored, or erased)."""
        box = self._cached(customer_id)
        if box is not None:
            return box
        since = self._forgotten
        stored = self._reader.first(_WRAPPED, customer_id=customer_id)
        if stored is None or stored[0] is None:
            return None
        return self._remember(customer_id, self._vault.customer_box(bytes(stored[0]), customer_id), since)

    def destroy(self, connection: Connection, customer_id: str) -> None:
        """Erase: what is sealed under the key can never be read again, once `forget` was called after the commit.
        Raises NotFound, or Refused on a legal hold."""
        row = connection.execute(
            select(t.customer_keys.c.wrapped, t.customer_keys.c.legal_hold).where(
                t.customer_keys.c.customer_id == customer_id
            )
        ).first()
        if row is None or row.wrapped is None:
            raise NotFound("stored data of customer", customer_id)
        if row.legal_hold:
            raise Refused(f"customer {customer_id} is under a legal hold: {row.legal_hold}")
        connection.execute(
            update(t.customer_keys).where(t.customer_keys.c.customer_id == customer_id).values(wrapped=None)
        )
        self.forget(customer_id)
        with self._lock:
            self._going.add(customer_id)

    def hold(self, connection: Connection, customer_id: str, reason: str | None) -> None:
        """Set a legal hold with its reason, or lift it (None). Raises NotFound."""
        done = connection.execute(
            update(t.customer_keys).where(t.customer_keys.c.customer_id == customer_id).values(legal_hold=reason)
        )
        if not done.rowcount:
            raise NotFound("customer", customer_id)

    def forget(self, customer_id: str) -> None:
        """Drop a key from memory; whoever is reading one now does not put it back."""
        with self._lock:
            self._forgotten += 1
            self._going.discard(customer_id)
            self._boxes.pop(customer_id, None)

    def clear(self) -> None:
        """Drop all keys from memory: some may come from a transaction that was rolled back."""
        with self._lock:
            self._forgotten += 1
            self._going.clear()
            self._boxes.clear()

    def _opens(self, customer_id: str, wrapped: bytes) -> bool:
        try:
            self._vault.customer_box(wrapped, customer_id)
        except ValueError:
            return False
        return True

    def _cached(self, customer_id: str) -> Box | None:
        with self._lock:
            box = self._boxes.get(customer_id)
            if box is not None:
                self._boxes.move_to_end(customer_id)
            return box

    def _remember(self, customer_id: str, box: Box, since: int | None = None) -> Box:
        """Hold a key, unless one was dropped since it was read, which may be this one."""
        with self._lock:
            if customer_id in self._going or since not in (None, self._forgotten):
                return box
            self._boxes[customer_id] = box
            while len(self._boxes) > _CACHE_MAX:
                self._boxes.popitem(last=False)
        return box
