"""The rows that a policy escalates, with all that an investigation begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet

from fraudray.batch.replay.replayer import Replayed
from fraudray.composing import decision_of
from fraudray.domain.decision import Decision, Latency
from fraudray.domain.transaction import Transaction
from fraudray.features.state import microseconds

FILE = "escalated.parquet"
_SCHEMA = pa.schema(
    [
        ("row", pa.int64()), ("transaction_id", pa.string()), ("fraud", pa.bool_()), ("amount_minor", pa.int64()),
        ("policy", pa.string()), ("transaction", pa.binary()), ("decision", pa.binary()), ("facts", pa.binary()),
    ]
)  # fmt: skip
_UNMEASURED = Latency(total=0, state=0, tools=0, policy=0)


@dataclass(slots=True)
class EscalatedRows:
    """Collects those of one part."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def consider(
        self, row: int, tx: Transaction, at: datetime, replayed: Replayed, fraud: bool | None, amount_minor: int
    ) -> None:
        """Keep a decided row where its policy escalates it. `amount_minor` is in the base currency."""
        policy, score = replayed.policy, replayed.judgement.score
        if policy.escalates is None or not policy.escalates.holds(replayed.facts, score):
            return
        decision = decision_of(
            tx, policy, replayed.judgement, replayed.evidence, replayed.effects, at, _UNMEASURED, report_url=None,
            step_up=None,
        )  # fmt: skip
        document = decision.model_dump_json(exclude_none=True).encode()
        self.rows.append(
            (row, tx.transaction_id, fraud, amount_minor, policy.document.name, tx.stored_json, document,
             orjson.dumps(dict(replayed.facts)))
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Into a part's folder."""
        columns: list[Sequence[Any]] = list(zip(*self.rows, strict=True)) or [[] for _ in _SCHEMA]
        table = pa.table(
            [pa.array(list(values), of.type) for values, of in zip(columns, _SCHEMA, strict=True)], _SCHEMA
        )
        parquet.write_table(table, folder / FILE, compression="zstd")


@dataclass(frozen=True, slots=True)
class Escalated:
    """One of them."""

    row: int
    fraud: bool | None
    amount_minor: int
    policy: str
    tx: Transaction
    decision: Decision
    facts: Mapping[str, Any]

    @property
    def occurred_us(self) -> int:
        """When it happened (UTC µs)."""
        return microseconds(self.tx.occurred_at(self.decision.decided_at))


def escalated_rows(folder: Path) -> Iterator[Escalated]:
    """Those of a part, in the order in which they were decided."""
    file = parquet.ParquetFile(folder / FILE)
    for batch in file.iter_batches(batch_size=1000):
        for one in batch.to_pylist():
            yield Escalated(
                one["row"], one["fraud"], one["amount_minor"], one["policy"],
                Transaction.model_validate_json(one["transaction"]), Decision.model_validate_json(one["decision"]),
                orjson.loads(one["facts"]),
            )  # fmt: skip
