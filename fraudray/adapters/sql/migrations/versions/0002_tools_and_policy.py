"""lists, keys, webhooks, sightings of devices, and what period reports count by"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, length in (("mcc", 4), ("channel", 16), ("transaction_type", 32), ("policy_name", 64)):
        op.add_column("decisions", sa.Column(name, sa.String(length), nullable=True))
    op.create_index("decisions_by_time", "decisions", ["decided_us"])
    op.add_column("outbox", sa.Column("webhook_id", sa.String(64), nullable=True))
    op.drop_index("outbox_due", "outbox")
    op.create_index("outbox_due", "outbox", ["status", "webhook_id", "due_us"])
    for table in ("decisions", "cases", "case_entries", "outbox", "reports"):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("case_id", type_=sa.String(64), existing_type=sa.String(32))
    for table, name, length in (("customer_keys", "legal_hold", 500), ("freezes", "lift_reason", 1000)):
        with op.batch_alter_table(table) as batch:  # a reason has up to 4,000 characters
            batch.alter_column(name, type_=sa.String(4000), existing_type=sa.String(length))
    op.create_table(
        "sightings",
        sa.Column("blind", sa.LargeBinary(32), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("blind", "customer_id"),
    )
    op.create_index("sightings_by_customer", "sightings", ["customer_id"])
    op.create_table(
        "list_entries",
        sa.Column("entry_id", sa.String(64), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("blind", sa.LargeBinary(32), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("rule_id", sa.String(64), nullable=True),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("removed_us", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.String(128), nullable=True),
        sa.Column("removal_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    op.create_index("list_entries_by_value", "list_entries", ["blind", "level"])
    op.create_index("list_entries_by_kind", "list_entries", ["level", "kind"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("last_used_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.String(128), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.String(64), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("outcomes", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("status_reason", sa.String(500), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("removed_us", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.String(128), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
