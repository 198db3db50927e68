"""Files of cases, sealed under their customer's key; one that is removed is destroyed, and stays on record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, func, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_notes import CaseNotes
from fraudray.adapters.sql.case_rows import read_row
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.attachment import FILES_MAX, Attachment
from fraudray.domain.case import CaseEntry, CaseFile
from fraudray.domain.errors import NotFound, Refused

_F = t.case_files.c
_SHOWN = (
    _F.file_id,
    _F.case_id,
    _F.customer_id,
    _F.name_sealed,
    _F.media_type,
    _F.size,
    _F.sha256,
    _F.at_us,
    _F.author,
)
ERASED = "(erased)"


class SqlCaseFiles:
    """Reads come straight from the database; writes go through the writer."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys, notes: CaseNotes) -> None:
        self._engine, self._writer, self._rows, self._keys, self._notes = engine, writer, rows, keys, notes

    def add(self, case_id: str, file: Attachment, *, file_id: str, author: str, at: datetime) -> CaseFile:
        """Keep a file. Raises NotFound, or Refused for a case that has the most files, or this one already."""
        digest = hashlib.sha256(file.content).hexdigest()
        kept = CaseFile(
            file_id=file_id, name=file.name, media_type=file.media_type, size=len(file.content), sha256=digest,
            at=at, author=author,
        )  # fmt: skip

        def write(connection: Connection) -> None:
            self._rows.flush(connection)
            owner = read_row(connection, case_id)["customer_id"]
            here = (_F.case_id == case_id, _F.body_sealed.is_not(None))
            if connection.execute(select(func.count()).where(*here)).scalar_one() >= FILES_MAX:
                raise Refused(f"case {case_id} has {FILES_MAX} files, which is the most")
            same = connection.execute(select(_F.file_id).where(*here, _F.sha256 == digest)).scalar()
            if same is not None:
                raise Refused(f"case {case_id} has this file already: {same}")
            box = self._keys.for_writing(connection, owner)
            self._rows.insert(
                t.case_files,
                {
                    "file_id": file_id, "case_id": case_id, "customer_id": owner,
                    "name_sealed": box.seal(file.name.encode(), owner), "media_type": file.media_type,
                    "size": kept.size, "sha256": digest, "body_sealed": box.seal(file.content, owner),
                    "at_us": t.to_us(at), "author": author,
                },
            )  # fmt: skip
            body = {"file_id": file_id, "name": file.name, "media_type": file.media_type, "size": kept.size}
            entry = CaseEntry(entry_id=file_id + "-added", at=at, author=author, kind="file_added", body=body)
            self._notes.put(connection, case_id, owner, entry, audit={"file_id": file_id, "sha256": digest})

        self._writer.submit(write).result()
        return kept

    def read(self, case_id: str, file_id: str) -> tuple[CaseFile, bytes]:
        """A file and its bytes. Raises NotFound, also once it was removed or its customer erased."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(
                select(*_SHOWN, _F.body_sealed).where(_F.case_id == case_id, _F.file_id == file_id)
            ).first()
        box = self._keys.for_reading(row.customer_id) if row is not None else None
        if row is None or row.body_sealed is None or box is None:
            raise NotFound("file", file_id)
        try:
            return _file(self._keys, row), box.open(bytes(row.body_sealed), row.customer_id)
        except ValueError:
            raise NotFound("file", file_id) from None

    def remove(self, case_id: str, file_id: str, *, reason: str, author: str, at: datetime, entry_id: str) -> None:
        """Destroy a file. Raises NotFound."""

        def write(connection: Connection) -> None:
            self._rows.flush(connection)
            gone = connection.execute(
                update(t.case_files)
                .where(_F.case_id == case_id, _F.file_id == file_id, _F.body_sealed.is_not(None))
                .values(body_sealed=None)
            )
            if not gone.rowcount:
                raise NotFound("file", file_id)
            owner = read_row(connection, case_id)["customer_id"]
            body = {"file_id": file_id, "reason": reason}
            entry = CaseEntry(entry_id=entry_id, at=at, author=author, kind="file_removed", body=body)
            self._notes.put(connection, case_id, owner, entry, audit={"file_id": file_id})

        self._writer.submit(write).result()


def files_of(connection: Connection, keys: CustomerKeys, cases: Mapping[str, str]) -> list[CaseFile]:
    """The files of cases (id and customer of each), oldest first."""
    rows = connection.execute(
        select(*_SHOWN).where(_F.case_id.in_(cases), _F.body_sealed.is_not(None)).order_by(_F.at_us, _F.file_id)
    )
    return [_file(keys, row) for row in rows]


def _file(keys: CustomerKeys, row: Row) -> CaseFile:  # type: ignore[type-arg]
    box = keys.for_reading(row.customer_id)
    try:
        name = box.open(bytes(row.name_sealed), row.customer_id).decode() if box else ERASED
    except ValueError:
        name = ERASED
    return CaseFile(
        file_id=row.file_id, name=name, media_type=row.media_type, size=row.size, sha256=row.sha256,
        at=t.from_us(row.at_us), author=row.author,
    )  # fmt: skip
