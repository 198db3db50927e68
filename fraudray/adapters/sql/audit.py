"""The audit trail: a keyed hash chain per writer, sealed into a global chain, anchored outside the database.

hash(n) = HMAC-SHA256(key, hash(n-1) || canonical JSON of entry n). Without the key no entry can be changed, removed,
reordered or recomputed unnoticed. Every second a seal signs the heads of all writers, chained in the same way, and
the newest seal is written to an anchor file, so that cutting off the end (of both tables) shows as well.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Engine, func, insert, select

from fraudray.adapters.sql import schema as t
from fraudray.domain.errors import StoreFailed
from fraudray.ports.ledger import AuditNote

log = logging.getLogger(__name__)
WRITER = "main"
_START = b"\0" * 32


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `verify` found. `problems` is empty when the trail is whole."""

    entries: int
    seals: int
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was changed, removed, reordered, cut off or recomputed."""
        return not self.problems


class Ends(NamedTuple):
    """Where the chain of entries and the chain of seals end, and the last entry that a seal signs."""

    seq: int
    head: bytes
    seal: int
    seal_hash: bytes
    sealed_seq: int


class AuditChain:
    """Appends to the chain inside the writer's transaction, and seals it."""

    def __init__(self, engine: Engine, key: bytes, anchor: Path) -> None:
        self._key, self._anchor = key, anchor
        with engine.connect() as connection:
            ends = stored_ends(connection)
            self._anchor_holds = _anchor_holds(connection, _read_anchor(anchor, []), ends.seal)
        self._committed = self._working = ends
        self._in_doubt: Ends | None = None

    def append(self, at_us: int, note: AuditNote) -> dict[str, Any]:
        """The row that carries `note` as the next entry."""
        seq = self._working.seq + 1
        row: dict[str, Any] = {
            "writer": WRITER, "seq": seq, "at_us": at_us, "kind": note.kind, "subject": note.subject,
            "actor": note.actor, "body": orjson.dumps(note.body, option=orjson.OPT_SORT_KEYS).decode(),
        }  # fmt: skip
        digest = row["hash"] = _entry_hash(self._key, self._working.head, row)
        self._working = self._working._replace(seq=seq, head=digest)
        return row

    def rolled_back(self) -> None:
        """Forget entries and a seal whose transaction failed; whether it did is in doubt when its connection broke."""
        if self._working != self._committed:
            self._in_doubt = self._working
        self._working = self._committed

    def committed(self) -> None:
        """The entries and the seal since the last commit are durable."""
        self._committed, self._in_doubt = self._working, None

    def resume(self, connection: Connection) -> bool:
        """Look where the trail ends after a broken connection: True when the transaction in doubt was committed.

        Raises StoreFailed when another process wrote meanwhile: what this one holds in memory is no longer true.
        """
        stored, doubted = stored_ends(connection), self._in_doubt
        self._in_doubt = None
        if stored == self._committed:
            return False
        if stored != doubted:
            raise StoreFailed("another process wrote to this database meanwhile; restart this one")
        self._committed = self._working = stored
        return True

    def seal(self, connection: Connection, at_us: int) -> bool:
        """Sign the head if it moved since the last seal. Call in the writer's transaction."""
        seq, head = self._committed.seq, self._committed.head
        if seq == self._working.sealed_seq:
            return False
        number = self._working.seal + 1
        heads = json.dumps({WRITER: {"seq": seq, "hash": head.hex()}}, sort_keys=True)
        row: dict[str, Any] = {"number": number, "at_us": at_us, "heads": heads}
        digest = row["hash"] = _seal_hash(self._key, self._working.seal_hash, row)
        connection.execute(insert(t.seals), [row])
        self._working = self._working._replace(seal=number, seal_hash=digest, sealed_seq=seq)
        return True

    def write_anchor(self) -> None:
        """Write the newest seal beside the database, atomically. A copy of this file elsewhere anchors the trail.

        An anchor that the database contradicted when it was opened stays: it is the proof that the trail was cut.
        """
        number, digest = self._committed.seal, self._committed.seal_hash
        if number and self._anchor_holds:
            draft = self._anchor.with_suffix(".new")
            draft.write_text(json.dumps({"seal": number, "hash": digest.hex()}) + "\n")
            draft.replace(self._anchor)


class Sealer:
    """Seals the chain every second while its owner lives; a database that fails is asked again a second later."""

    def __init__(self, seal: Callable[[], None], interval_s: float = 1.0) -> None:
        self._seal, self._interval_s = seal, interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="fraudray-sealer", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self._seal()
            except StoreFailed as error:
                log.error("the audit trail could not be sealed: %s", error)

    def close(self) -> None:
        """Stop; what is left is the owner's to seal."""
        self._stop.set()
        self._thread.join()


def stored_ends(connection: Connection) -> Ends:
    """As the database has them; read by their keys, nothing is verified."""
    last = connection.execute(
        select(t.audit.c.seq, t.audit.c.hash).where(t.audit.c.writer == WRITER).order_by(t.audit.c.seq.desc()).limit(1)
    ).first()
    seal = connection.execute(select(t.seals).order_by(t.seals.c.number.desc()).limit(1)).first()
    seq, head = (last.seq, bytes(last.hash)) if last else (0, _START)
    if seal is None:
        return Ends(seq, head, 0, _START, 0)
    return Ends(seq, head, seal.number, bytes(seal.hash), json.loads(seal.heads)[WRITER]["seq"])


def _anchor_holds(connection: Connection, anchored: tuple[int, str] | None, last: int) -> bool:
    """Whether the anchored seal is in the database as it was anchored; the very first may not be anchored yet."""
    if anchored is None:
        return last <= 1
    return _seal_digest(connection, anchored[0]) == anchored[1]


def _seal_digest(connection: Connection, number: int) -> str | None:
    digest = connection.execute(select(t.seals.c.hash).where(t.seals.c.number == number)).scalar()
    return None if digest is None else bytes(digest).hex()


def _canonical(row: Any) -> bytes:
    fields = [row["writer"], row["seq"], row["at_us"], row["kind"], row["subject"], row["actor"], row["body"]]
    return orjson.dumps(fields)


def _entry_hash(key: bytes, previous: bytes, row: Any) -> bytes:
    return hmac.digest(key, previous + _canonical(row), hashlib.sha256)


def _seal_hash(key: bytes, previous: bytes, row: Any) -> bytes:
    return hmac.digest(
        key, b"seal" + previous + orjson.dumps([row["number"], row["at_us"], row["heads"]]), hashlib.sha256
    )


def verify(engine: Engine, key: bytes, anchor: Path) -> AuditReport:
    """Recompute both chains, and compare them with each other, the anchor and the decisions that they must cover."""
    problems: list[str] = []
    anchored = _read_anchor(anchor, problems)  # before the snapshot: a seal is committed before it is anchored
    with engine.connect() as connection:  # one snapshot for all queries, also beside a busy server
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        heads, entries = _verify_entries(connection, key, problems)
        last_seal, seals = _verify_seals(connection, key, heads, problems)
        _verify_anchor(connection, anchored, last_seal[0], problems)
        decided = connection.execute(select(func.count()).select_from(t.decisions)).scalar_one()
        recorded = connection.execute(
            select(func.count()).select_from(t.audit).where(t.audit.c.kind.in_(("decision", "decision_revised")))
        ).scalar_one()
        differing = _differing_decisions(connection)
    if decided != recorded:
        problems.append(f"{decided} decisions are stored, but {recorded} are on the trail")
    problems.extend(f"the stored decision on {subject} is not what the trail says" for subject in differing[:20])
    return AuditReport(entries, seals, tuple(problems))


def _rows(connection: Connection, statement: Any) -> Iterator[Any]:
    return iter(connection.execution_options(stream_results=True, yield_per=5000).execute(statement).mappings())


def _verify_entries(connection: Connection, key: bytes, problems: list[str]) -> tuple[dict[str, dict[int, bytes]], int]:
    """Check each writer's chain; returns the hash at every sealed-able position by writer, and the count."""
    heads: dict[str, dict[int, bytes]] = {}
    previous: dict[str, tuple[int, bytes]] = {}
    count = 0
    for row in _rows(connection, select(t.audit).order_by(t.audit.c.writer, t.audit.c.seq)):
        count += 1
        writer = row["writer"]
        seq, before = previous.get(writer, (0, _START))
        if row["seq"] != seq + 1:
            problems.append(f"entry {seq + 1} of {writer} is missing: {row['seq']} follows {seq}")
        elif not hmac.compare_digest(bytes(row["hash"]), _entry_hash(key, before, row)):
            problems.append(f"entry {row['seq']} of {writer} is not what was written")
        previous[writer] = (row["seq"], bytes(row["hash"]))
        heads.setdefault(writer, {})[row["seq"]] = bytes(row["hash"])
        if len(problems) >= 20:
            problems.append("further problems are not listed")
            break
    return heads, count


def _verify_seals(
    connection: Connection, key: bytes, heads: dict[str, dict[int, bytes]], problems: list[str]
) -> tuple[tuple[int, bytes], int]:
    number, previous = 0, _START
    for row in _rows(connection, select(t.seals).order_by(t.seals.c.number)):
        if row["number"] != number + 1:
            problems.append(f"seal {number + 1} is missing")
        elif not hmac.compare_digest(bytes(row["hash"]), _seal_hash(key, previous, row)):
            problems.append(f"seal {row['number']} is not what was written")
        for writer, head in json.loads(row["heads"]).items():
            found = heads.get(writer, {}).get(head["seq"])
            if found is None:
                problems.append(f"seal {row['number']} covers entry {head['seq']} of {writer}, which is cut off")
            elif found.hex() != head["hash"]:
                problems.append(f"seal {row['number']} signs another entry {head['seq']} of {writer}")
        number, previous = row["number"], bytes(row["hash"])
        if len(problems) >= 20:
            break
    return (number, previous), number


def _differing_decisions(connection: Connection) -> list[str]:
    """Transactions whose stored outcome or score differs from their entry on the trail."""
    a, d = t.audit.c, t.decisions.c
    revisions = {
        (row["transaction_id"], row["revision"]): (row["decision"], row["score"])
        for row in _rows(connection, select(d.transaction_id, d.revision, d.decision, d.score).where(d.revision > 1))
    }
    first = (d.transaction_id == a.subject) & (d.revision == 1)
    both = select(a.subject, a.body, d.decision, d.score).select_from(t.audit.outerjoin(t.decisions, first))
    differing = []
    for row in _rows(connection, both.where(a.kind == "decision")):
        noted = orjson.loads(row["body"])
        if (row["decision"], row["score"]) != (noted["decision"], noted["score"]):
            differing.append(row["subject"])
    for row in _rows(connection, select(a.subject, a.body).where(a.kind == "decision_revised")):
        noted = orjson.loads(row["body"])
        if revisions.get((row["subject"], noted["revision"])) != (noted["decision"], noted["score"]):
            differing.append(row["subject"])
    return differing


def _read_anchor(anchor: Path, problems: list[str]) -> tuple[int, str] | None:
    try:
        found = json.loads(anchor.read_text())
        return int(found["seal"]), str(found["hash"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        problems.append(f"the anchor file {anchor} cannot be read: {error}")
        return 0, ""


def _verify_anchor(connection: Connection, anchored: tuple[int, str] | None, last: int, problems: list[str]) -> None:
    if anchored is None:
        if last > 1:  # the very first seal may not be anchored yet
            problems.append("the anchor file is missing")
    elif anchored[0] > last:
        problems.append(f"seal {anchored[0]} is anchored, but the trail ends at seal {last}: the end is cut off")
    elif anchored[0] and _seal_digest(connection, anchored[0]) != anchored[1]:
        problems.append(f"seal {anchored[0]} is not the one that was anchored: the end was cut off and written anew")
