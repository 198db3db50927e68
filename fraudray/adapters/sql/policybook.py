"""Versions of policies, and which of them came into force. Implements `fraudray.ports.policies`.

A policy is no personal data: its text is plain. Every row is on the audit trail with its hash and who wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.policy_version import VERSIONS_MAX, PolicyAct, PolicyVersion
from fraudray.ports.ledger import AuditNote

ACTS_MAX = 10_000
"""Acts of one policy that are looked back at: the newest."""
_v, _a = t.policy_versions.c, t.policy_acts.c
_SHOWN = (_v.name, _v.number, _v.version, _v.hash, _v.author, _v.at_us, _v.reason, _v.based_on)


class SqlPolicyBook:
    """The policies of one store."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows) -> None:
        self._engine, self._writer, self._rows = engine, writer, rows

    def versions(self, name: str, *, limit: int = 100, offset: int = 0) -> list[PolicyVersion]:
        """See `PolicyVersions.versions`."""
        asked = select(*_SHOWN).where(_v.name == name).order_by(_v.number.desc())
        return [_version(row) for row in self._all(asked.limit(limit).offset(offset))]

    def version(self, name: str, number: int) -> PolicyVersion:
        """See `PolicyVersions.version`."""
        return _version(self._one(select(*_SHOWN), name, number))

    def text(self, name: str, number: int) -> str:
        """See `PolicyVersions.text`."""
        return str(self._one(select(_v.text), name, number).text)

    def same(self, name: str, digest: str) -> PolicyVersion | None:
        """See `PolicyVersions.same`."""
        found = self._all(select(*_SHOWN).where(_v.name == name, _v.hash == digest))
        return _version(found[0]) if found else None

    def called(self, name: str, version: str) -> PolicyVersion | None:
        """See `PolicyVersions.called`."""
        asked = select(*_SHOWN).where(_v.name == name, _v.version == version).order_by(_v.number.desc()).limit(1)
        found = self._all(asked)
        return _version(found[0]) if found else None

    def add(self, version: PolicyVersion, text: str) -> PolicyVersion:
        """See `PolicyVersions.add`."""

        def write(connection: Connection) -> PolicyVersion:
            mine = _v.name == version.name
            known = connection.execute(select(*_SHOWN).where(mine, _v.hash == version.hash)).first()
            if known is not None:
                return _version(known)
            last = connection.execute(select(func.max(_v.number)).where(mine)).scalar() or 0
            if last >= VERSIONS_MAX:
                raise Refused(f"{version.name} has {VERSIONS_MAX:,} versions, the most there may be")
            kept = version.model_copy(update={"number": last + 1})
            row = kept.model_dump(exclude={"at"}) | {"text": text, "at_us": t.to_us(kept.at)}
            connection.execute(insert(t.policy_versions), [row])
            body = {
                "number": kept.number, "version": kept.version, "hash": kept.hash, "based_on": kept.based_on,
                "reason": kept.reason,
            }  # fmt: skip
            self._rows.note(row["at_us"], AuditNote("policy_version_saved", kept.name, kept.author, body))
            return kept

        added: PolicyVersion = self._writer.submit(write).result()
        return added

    def names(self) -> list[str]:
        """See `PolicyVersions.names`."""
        return [str(row.name) for row in self._all(select(_a.name).distinct().order_by(_a.name))]

    def acts(self, name: str) -> list[PolicyAct]:
        """See `PolicyVersions.acts`."""
        asked = select(t.policy_acts).where(_a.name == name).order_by(_a.seq.desc()).limit(ACTS_MAX)
        return [_act(row) for row in reversed(self._all(asked))]

    def act(self, acts: Sequence[PolicyAct]) -> None:
        """See `PolicyVersions.act`."""

        def write(connection: Connection) -> None:
            for act in acts:
                row = act.model_dump(exclude={"at"}) | {"at_us": t.to_us(act.at)}
                connection.execute(insert(t.policy_acts), [row])
                body = {"number": act.number, "over": act.over, "reason": act.reason}
                self._rows.note(row["at_us"], AuditNote(_NOTED[act.kind], act.name, act.author, body))

        self._writer.submit(write).result()

    def _all(self, asked: Select[Any]) -> Sequence[Row[Any]]:
        with failing(), self._engine.connect() as connection:
            return connection.execute(asked).all()

    def _one(self, asked: Select[Any], name: str, number: int) -> Row[Any]:
        found = self._all(asked.where(_v.name == name, _v.number == number))
        if not found:
            raise NotFound("policy version", f"{name} {number}")
        return found[0]


_NOTED = {"promoted": "policy_promoted", "rolled_back": "policy_rolled_back", "file": "policy_file_took_over"}


def _version(row: Any) -> PolicyVersion:
    return PolicyVersion(
        name=row.name, number=row.number, version=row.version, hash=row.hash, author=row.author,
        at=t.from_us(row.at_us), reason=row.reason, based_on=row.based_on,
    )  # fmt: skip


def _act(row: Any) -> PolicyAct:
    return PolicyAct(
        name=row.name, seq=row.seq, kind=row.kind, number=row.number, over=row.over, author=row.author,
        at=t.from_us(row.at_us), reason=row.reason,
    )  # fmt: skip
