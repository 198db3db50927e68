"""case work: who works on a case and by when, what it is found by, what it shares with others, files"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from fraudray.domain.words import words_of

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_DUE_US = {"BLOCK": 8 * 3_600_000_000, "REVIEW": 24 * 3_600_000_000, "APPROVE": 24 * 3_600_000_000}
_ROWS = 5000


def upgrade() -> None:
    for column in (
        sa.Column("active", sa.Integer, nullable=False, server_default="1"),
        sa.Column("urgency", sa.Integer, nullable=False, server_default="0"),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("assignee", sa.String(128), nullable=True),
        sa.Column("locked_us", sa.BigInteger, nullable=True),
        sa.Column("waiting_us", sa.BigInteger, nullable=True),
        sa.Column("due_us", sa.BigInteger, nullable=True),
        sa.Column("disposition", sa.String(16), nullable=True),
        sa.Column("merged_into", sa.String(64), nullable=True),
        sa.Column("amount_minor", sa.BigInteger, nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("amount_base_minor", sa.BigInteger, nullable=True),
        sa.Column("base_currency", sa.String(3), nullable=True),
        sa.Column("merchant", sa.String(200), nullable=True),
        sa.Column("reason_codes", sa.Text, nullable=False, server_default="[]"),
    ):
        op.add_column("cases", column)
    _create_tables()
    _fill(op.get_bind())
    for name, columns in {
        "cases_queue": ["active", "urgency", "opened_us", "case_id"],
        "cases_by_age": ["active", "opened_us"],
        "cases_by_due": ["active", "due_us"],
        "cases_by_amount": ["active", "amount_base_minor"],
        "cases_by_assignee": ["assignee", "active"],
        "cases_merged": ["merged_into"],
    }.items():
        op.create_index(name, "cases", columns)
    op.create_index("investigations_by_end", "investigations", ["ended_us"])
    op.create_index("case_entries_by_kind", "case_entries", ["kind", "at_us"])


def _create_tables() -> None:
    op.create_table(
        "case_reasons",
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("code", "case_id"),
    )
    op.create_table(
        "case_words",
        sa.Column("word", sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql"), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("word", "case_id"),
    )
    op.create_table(
        "case_blind_words",
        sa.Column("blind", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("blind", "case_id"),
    )
    op.create_index("case_blind_words_by_case", "case_blind_words", ["case_id"])
    op.create_table(
        "case_keys",
        sa.Column("blind", sa.LargeBinary(32), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("blind", "case_id"),
    )
    op.create_index("case_keys_by_case", "case_keys", ["case_id"])
    op.create_table(
        "case_files",
        sa.Column("file_id", sa.String(64), primary_key=True),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary, nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary, nullable=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
    )
    op.create_index("case_files_by_case", "case_files", ["case_id", "at_us"])


def _fill(connection: sa.Connection) -> None:
    """Older cases as far as plain columns tell. What they share with others, and words of notes, are sealed and stay
    unknown."""
    columns = ("status", "active", "score", "urgency", "decision", "opened_us", "due_us")
    case = sa.table("cases", *(sa.column(n) for n in columns))
    connection.execute(sa.update(case).values(urgency=100 - case.c.score))
    connection.execute(sa.update(case).where(case.c.status == "closed").values(active=0))
    for decision, due_us in _DUE_US.items():
        connection.execute(sa.update(case).where(case.c.decision == decision).values(due_us=case.c.opened_us + due_us))
    words = sa.table("case_words", sa.column("word"), sa.column("case_id"))
    reasons = sa.table("case_reasons", sa.column("code"), sa.column("case_id"))
    top = sa.table(
        "cases", *(sa.column(n) for n in ("case_id", "merchant", "reason_codes", "amount_minor", "currency"))
    )
    for rows in _by_case(connection):
        found: set[tuple[str, str]] = set()
        codes: set[tuple[str, str]] = set()
        headlines: dict[str, Any] = {}
        for row in rows:
            texts = (row.case_id, row.customer_id, row.transaction_id, row.merchant, row.reason_codes)
            found |= {(word, row.case_id) for text in texts for word in words_of(text or "")}
            codes |= {(code, row.case_id) for code in json.loads(row.reason_codes or "[]")}
            if row.score is not None:
                headlines[row.case_id] = row  # the highest score comes last
        if found:
            connection.execute(sa.insert(words), [{"word": w, "case_id": c} for w, c in sorted(found)])
        if codes:
            connection.execute(sa.insert(reasons), [{"code": k, "case_id": c} for k, c in sorted(codes)])
        for case_id, row in headlines.items():
            connection.execute(
                sa.update(top)
                .where(top.c.case_id == case_id)
                .values(
                    merchant=row.merchant, reason_codes=row.reason_codes, amount_minor=row.amount_minor,
                    currency=row.currency,
                )
            )  # fmt: skip


def _by_case(connection: sa.Connection) -> Iterator[list[Any]]:
    """The decisions of some whole cases at a time, the highest score of each last."""
    last = ""
    while True:
        ids = connection.execute(
            sa.text("SELECT case_id FROM cases WHERE case_id > :last ORDER BY case_id LIMIT :n"),
            {"last": last, "n": _ROWS},
        ).scalars().all()  # fmt: skip
        if not ids:
            return
        last = ids[-1]
        yield list(
            connection.execute(
                sa.text(
                    "SELECT c.case_id, c.customer_id, d.transaction_id, d.merchant, d.reason_codes, d.score, "
                    "d.amount_minor, d.currency FROM cases c LEFT JOIN decisions d ON d.case_id = c.case_id "
                    "WHERE c.case_id >= :first AND c.case_id <= :last ORDER BY d.score, d.decided_us"
                ),
                {"first": ids[0], "last": last},
            )
        )
