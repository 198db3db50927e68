"""The store of one data folder: everything SQL, opened and closed together."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.address import database_address, shown, sqlite_file
from fraudray.adapters.sql.audit import AuditChain, AuditReport, Sealer, verify
from fraudray.adapters.sql.case_files import SqlCaseFiles
from fraudray.adapters.sql.case_index import CaseIndex
from fraudray.adapters.sql.case_material import SqlCaseMaterial
from fraudray.adapters.sql.case_notes import CaseNotes
from fraudray.adapters.sql.case_writer import CaseWriter
from fraudray.adapters.sql.casebook import SqlCaseBook
from fraudray.adapters.sql.casework import SqlCaseWork
from fraudray.adapters.sql.customerbook import SqlCustomerBook
from fraudray.adapters.sql.database import Fsync, check_server, connect, migrate
from fraudray.adapters.sql.driver import Inserts, Reader, discard, failing
from fraudray.adapters.sql.figures import SqlFigures
from fraudray.adapters.sql.hookbook import SqlHookBook
from fraudray.adapters.sql.investigationbook import SqlInvestigationBook
from fraudray.adapters.sql.keyring import SqlKeyring
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.ledger import SqlLedger
from fraudray.adapters.sql.listbook import SqlListBook
from fraudray.adapters.sql.llm_usage import SqlLlmUsage
from fraudray.adapters.sql.outbox import SqlOutbox
from fraudray.adapters.sql.ownership import OwnerLock, Ownership, own_name
from fraudray.adapters.sql.policybook import SqlPolicyBook
from fraudray.adapters.sql.reports import SqlReportShelf
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.webhook_notices import WebhookNotices
from fraudray.adapters.sql.writer import Writer
from fraudray.adapters.vault import Vault
from fraudray.domain.case_life import CaseTimes
from fraudray.domain.errors import SettingsError, StoreFailed
from fraudray.ports.clock import Ids, RandomIds
from fraudray.ports.ledger import AuditNote

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit trail; times are UTC microseconds."""

    seq: int
    at_us: int
    kind: str
    subject: str
    actor: str
    body: str


class SqlStore:
    """Owns a database: one process, one writer thread (DESIGN 7)."""

    def __init__(
        self, folder: Path, *, url: str | None = None, fsync: Fsync = "full", ids: Ids | None = None,
        case_times: CaseTimes | None = None,
    ) -> None:  # fmt: skip
        """Open the store in `folder`, made when it does not exist.

        Raises:
            StoreInUse: another process owns the folder or the database.
            SettingsError: the folder, the address or the master key cannot be used.
            StoreFailed: the database cannot be opened or was made by a newer version.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(f"cannot make the data folder {folder}: {error.strerror}") from None
        self._closed, self._ids, self.case_times = False, ids or RandomIds(), case_times or CaseTimes()
        address = database_address(url or f"sqlite:///{folder / 'fraudray.sqlite'}")
        with ExitStack() as opened:
            for lock in _locks(folder, address):
                lock.acquire()
                opened.callback(lock.release)
            name = own_name()
            self.engine: Engine = connect(address, fsync=fsync, name=name)
            opened.callback(self.engine.dispose)
            try:
                self._open(folder, Ownership(self.engine, name), opened)
            except SQLAlchemyError as error:
                reason = " ".join(str(error.__cause__ or error).split())
                raise StoreFailed(
                    f"cannot open the database {shown(address)}: {reason} (FRAUDRAY_DATABASE_URL)"
                    if url
                    else f"cannot open the database in {folder}: {reason}"
                ) from error
            self._opened = opened.pop_all()

    def _open(self, folder: Path, ownership: Ownership, opened: ExitStack) -> None:
        self._anchor = folder / "audit.anchor"
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect() as connection:
                check_server(connection)
        owning = ownership.connect()
        opened.callback(discard, owning)
        migrate(self.engine)
        self.vault = Vault.open(folder / "master.key")
        inserts, self._reader = Inserts(self.engine.dialect), Reader(self.engine)
        opened.callback(self._reader.close)
        keys = CustomerKeys(self.vault, inserts, self._reader)
        keys.check_master(folder / "master.key")
        self._chain = AuditChain(self.engine, self.vault.audit_key, self._anchor)
        rows = self._rows = Rows(self._chain, keys, inserts)
        self._writer = Writer(ownership.connect, rows, first=owning)
        self.notices = WebhookNotices(self._ids)
        index = self.case_index = CaseIndex(rows, self.vault)
        writing = CaseWriter(rows, self.notices, index, self.case_times)
        self.ledger = SqlLedger(self.engine, self._writer, rows, keys, self.vault, self._reader, writing)
        notes = CaseNotes(rows, keys, self.notices, index)
        self.cases = SqlCaseBook(self.engine, self._writer, rows, keys, self.ledger, notes, index)
        self.casework = SqlCaseWork(self._writer, rows, keys, self.ledger, notes, index, self.case_times)
        self.case_files = SqlCaseFiles(self.engine, self._writer, rows, keys, notes)
        self.material = SqlCaseMaterial(self.engine, keys, self.ledger)
        self.customers = SqlCustomerBook(self.engine, self._writer, rows, keys, self.vault, self.ledger, index)
        self.outbox = SqlOutbox(self.engine, self._writer, rows, keys)
        self.reports = SqlReportShelf(self.engine, self._writer, rows, keys)
        self.figures = SqlFigures(self.engine, keys)
        self.llm_usage = SqlLlmUsage(self.engine, keys)
        self.keyring = SqlKeyring(self.engine, self._writer, rows)
        self.policies = SqlPolicyBook(self.engine, self._writer, rows)
        self.lists = SqlListBook(self.engine, self._writer, rows, inserts, self.vault)
        self.webhooks = SqlHookBook(self.engine, self._writer, rows, self.vault, self.notices)
        self.investigations = SqlInvestigationBook(self.engine, self._writer, rows, keys)
        self._sealer = Sealer(self._seal)

    def verify_audit(self) -> AuditReport:
        """Check the whole audit trail, what waits to be sealed included."""
        self._drain()
        self._seal()
        return verify(self.engine, self.vault.audit_key, self._anchor)

    def audit_entries(self, *, subject: str | None = None, limit: int = 100, offset: int = 0) -> list[AuditEntry]:
        """Entries of the trail, newest first."""
        a = t.audit.c
        statement = select(a.seq, a.at_us, a.kind, a.subject, a.actor, a.body)
        statement = statement.order_by(a.writer.desc(), a.seq.desc())  # as the primary key has them: read from its end
        if subject:
            statement = statement.where(a.subject == subject)
        with failing(), self.engine.connect() as connection:
            return [AuditEntry(*row) for row in connection.execute(statement.limit(limit).offset(offset))]

    def last_audit_body(self, subject: str) -> dict[str, Any] | None:
        """The body of the newest entry about something."""
        entries = self.audit_entries(subject=subject, limit=1)
        return orjson.loads(entries[0].body) if entries else None

    def note(self, note: AuditNote, at: datetime) -> None:
        """Put an act on the audit trail that writes nothing else. Raises StoreFailed."""
        self._writer.submit(lambda _connection: self._rows.note(t.to_us(at), note)).result()

    def ping(self) -> None:
        """Whether the database answers and this process may write to it. Raises StoreFailed."""
        with failing(), self.engine.connect() as connection:
            connection.execute(select(1))
        self._drain()

    def close(self) -> None:
        """Finish waiting writes, seal the trail and let go of the folder; harmless when done already."""
        if self._closed:
            return
        self._closed = True
        with self._opened:
            self._sealer.close()
            try:
                self._drain()
                self._seal()
            except StoreFailed as error:
                log.error("the store was closed while its database was away; the next start seals the trail: %s", error)
            self._writer.close()
            self.ledger.close()

    def _drain(self) -> None:
        """Wait until what was submitted is durable, so that a seal covers it."""
        self._writer.submit(lambda _connection: None).result()

    def _seal(self) -> None:
        now_us = time.time_ns() // 1000
        if self._writer.submit(lambda connection: self._chain.seal(connection, now_us)).result():
            self._chain.write_anchor()


def _locks(folder: Path, address: URL) -> list[OwnerLock]:
    file = sqlite_file(address)
    elsewhere = file is not None and file.parent != folder.resolve()
    return [OwnerLock(folder), *([OwnerLock(folder, file)] if elsewhere else [])]
