"""Registered customers, freezes, legal holds and erasure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_index import CaseIndex
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.ledger import SqlLedger
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.adapters.vault import Vault
from fraudray.domain.customer import CustomerProfile, Freeze
from fraudray.domain.errors import FieldProblem, InvalidTransaction, NotFound, Refused
from fraudray.features.state import CustomerState
from fraudray.ports.ledger import AuditNote


class SqlCustomerBook:
    """Writes go through the writer and drop what the ledger holds in memory of the customer."""

    def __init__(
        self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys, vault: Vault, ledger: SqlLedger,
        index: CaseIndex,
    ) -> None:  # fmt: skip
        self._engine, self._writer, self._rows = engine, writer, rows
        self._keys, self._vault, self._ledger, self._index = keys, vault, ledger, index

    def count(self) -> int:
        """How many customers are registered."""
        with failing(), self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(t.customers)).scalar_one()

    def get(self, customer_id: str) -> CustomerProfile:
        """A registered customer. Raises NotFound."""
        profile = self._ledger.customer(customer_id).profile
        if profile is None:
            raise NotFound("customer", customer_id)
        return profile

    def list(self, *, limit: int = 50, offset: int = 0) -> list[str]:
        """Ids of registered customers, in the order of their characters' code points."""
        order = t.customers.c.customer_id.collate("C" if self._engine.dialect.name == "postgresql" else "BINARY")
        statement = select(t.customers.c.customer_id).order_by(order).limit(limit).offset(offset)
        with failing(), self._engine.connect() as connection:
            return [*connection.execute(statement).scalars()]

    def put(self, profiles: Sequence[CustomerProfile], *, actor: str, at: datetime) -> None:
        """Register customers, replacing what was registered under the same ids; all or none."""
        self._put(profiles, lambda profile: AuditNote("customer_registered", profile.customer_id, actor, {}), at)

    def enrol(self, profile: CustomerProfile, matcher: str, *, actor: str, at: datetime) -> None:
        """Store a profile with the biometric template that it has now."""
        note = AuditNote("biometric_enrolled", profile.customer_id, actor, {"matcher": matcher})
        self._put([profile], lambda _: note, at)

    def _put(
        self, profiles: Sequence[CustomerProfile], note: Callable[[CustomerProfile], AuditNote], at: datetime
    ) -> None:
        at_us = t.to_us(at)

        def write(connection: Connection) -> None:
            for profile in profiles:
                customer_id = profile.customer_id
                box = self._keys.for_writing(connection, customer_id)
                sealed = box.seal(profile.model_dump_json(exclude_none=True).encode(), customer_id)
                row = {"customer_id": customer_id, "profile_sealed": sealed, "updated_us": at_us}
                self._rows.replace(connection, t.customers, row)
                connection.execute(delete(t.customer_links).where(t.customer_links.c.customer_id == customer_id))
                links = {
                    *(("device", device.device_id) for device in profile.devices),
                    *(("address", address) for address in profile.addresses),
                }
                if links:
                    connection.execute(
                        insert(t.customer_links),
                        [
                            {"blind": self._vault.blind_index(kind, value), "customer_id": customer_id, "kind": kind}
                            for kind, value in sorted(links)
                        ],
                    )
                self._rows.note(at_us, note(profile))

        self._writer.submit(write).result()
        for profile in profiles:
            if record := self._ledger.held(profile.customer_id):
                record.profile = profile
        self._ledger.forget_devices()

    def lift_freeze(self, customer_id: str, *, reason: str, actor: str, at: datetime) -> Freeze:
        """End the customer's freeze. Raises NotFound when no freeze holds."""
        record = self._ledger.customer(customer_id)
        freeze = record.freeze
        if freeze is None or not freeze.holds_at(at):
            raise NotFound("freeze on the account of customer", customer_id)
        at_us = t.to_us(at)

        def write(connection: Connection) -> None:
            connection.execute(
                update(t.freezes)
                .where(t.freezes.c.customer_id == customer_id, t.freezes.c.lifted_us.is_(None))
                .values(lifted_us=at_us, lifted_by=actor, lift_reason=reason)
            )
            self._rows.note(
                at_us, AuditNote("freeze_lifted", customer_id, actor, {"freeze_id": freeze.freeze_id, "reason": reason})
            )

        self._writer.submit(write).result()
        record.freeze = None
        return freeze

    def extend_freeze(self, customer_id: str, *, until: datetime, reason: str, actor: str, at: datetime) -> Freeze:
        """Let the customer's freeze hold until then. Raises NotFound when none holds, Refused when it holds as long
        already."""
        record = self._ledger.customer(customer_id)
        freeze = record.freeze
        if freeze is None or not freeze.holds_at(at):
            raise NotFound("freeze on the account of customer", customer_id)
        if until <= freeze.ends_at:
            raise Refused(f"the freeze holds until {freeze.ends_at:%Y-%m-%d %H:%M} UTC already; to end it, lift it")
        longer = freeze.model_copy(update={"ends_at": until})

        def write(connection: Connection) -> None:
            self._rows.flush(connection)
            connection.execute(
                update(t.freezes).where(t.freezes.c.freeze_id == freeze.freeze_id).values(ends_us=t.to_us(until))
            )
            body = {"freeze_id": freeze.freeze_id, "until": until.isoformat(), "reason": reason}
            self._rows.note(t.to_us(at), AuditNote("freeze_extended", customer_id, actor, body))

        self._writer.submit(write).result()
        if record.freeze is freeze:
            record.freeze = longer
        return longer

    def hold(self, customer_id: str, *, reason: str | None, actor: str, at: datetime) -> None:
        """Set a legal hold with its reason, or lift it (None). Raises NotFound."""

        def write(connection: Connection) -> None:
            self._keys.hold(connection, customer_id, reason)
            kind = "legal_hold_set" if reason else "legal_hold_lifted"
            self._rows.note(t.to_us(at), AuditNote(kind, customer_id, actor, {"reason": reason}))

        self._writer.submit(write).result()

    def erase(self, customer_id: str, *, reason: str, actor: str, at: datetime) -> None:
        """Destroy the customer's key and registration: personal data can never be read again; merchants, amounts,
        decisions and the audit trail stay. Raises NotFound, Refused on a legal hold, InvalidTransaction without a
        reason."""
        if not reason.strip():
            raise InvalidTransaction([FieldProblem("reason", "missing", "is needed")])

        def write(connection: Connection) -> None:
            self._keys.destroy(connection, customer_id)
            self._rows.flush(connection)  # what waits of this customer goes too
            for table in (t.customers, t.customer_links, t.customer_states, t.sightings):
                connection.execute(delete(table).where(table.c.customer_id == customer_id))
            self._index.forget(connection, customer_id)
            self._rows.note(t.to_us(at), AuditNote("customer_erased", customer_id, actor, {"reason": reason}))

        self._writer.submit(write).result()
        self._keys.forget(customer_id)  # until the commit somebody may have read it once more
        if record := self._ledger.held(customer_id):
            record.profile, record.state = None, CustomerState()
        self._ledger.forget_devices()
        self._ledger.sightings.forget(customer_id)
