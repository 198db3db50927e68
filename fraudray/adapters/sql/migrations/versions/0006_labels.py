"""labels, and the attempts and known frauds of shared keys by hour"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_hours",
        sa.Column("blind", sa.LargeBinary(32), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("frauds", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("blind", "hour"),
    )
    op.create_table(
        "labels",
        sa.Column("transaction_id", sa.String(128), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("label", sa.String(8), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("scenario", sa.String(64), nullable=True),
        sa.Column("labelled_us", sa.BigInteger, nullable=False),
        sa.Column("recorded_us", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "revision"),
    )
    op.create_index("labels_by_time", "labels", ["recorded_us"])
    op.create_index("labels_waiting", "labels", ["waiting"])
