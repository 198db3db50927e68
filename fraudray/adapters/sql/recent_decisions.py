"""The newest decisions of one policy, opened: what each rested on, to be judged anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.figures import CURRENT
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.decision import Decision
from fraudray.domain.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PastDecision:
    """A decision as it stands, its transaction, and what is known of it: True for fraud, False for genuine."""

    decision: Decision
    transaction: Transaction
    fraud: bool | None


def recent_decisions(store: SqlStore, policy: str, *, limit: int) -> Iterator[PastDecision]:
    """Newest first; those of erased customers are left out."""
    d, label = t.decisions.c, t.labels.c
    statement = (
        select(d.customer_id, d.transaction_id, d.document_sealed)
        .where(d.policy_name == policy, CURRENT)
        .order_by(d.decided_us.desc(), d.transaction_id.desc())
        .limit(limit)
    )
    with failing(), store.engine.connect() as connection:
        rows = connection.execute(statement).all()
        newest = statement.with_only_columns(d.transaction_id).subquery()
        said = connection.execute(
            select(label.transaction_id, label.label)
            .join(newest, newest.c.transaction_id == label.transaction_id)
            .order_by(label.transaction_id, label.revision)
        ).all()
    known = {row.transaction_id: row.label for row in said}  # the last revision holds
    for row in rows:
        document = store.ledger.open_document(row.customer_id, bytes(row.document_sealed))
        if document is not None:
            yield PastDecision(
                Decision.model_validate_json(document["decision"]),
                Transaction.model_validate_json(document["transaction"]),
                {"fraud": True, "genuine": False}.get(known.get(row.transaction_id, "")),
            )
