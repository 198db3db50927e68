"""versions of policies, and which of them came into force when"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(80), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(4000), nullable=False),
        sa.Column("based_on", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("name", "number"),
        sa.UniqueConstraint("name", "hash", name="policy_versions_once"),
    )
    op.create_table(
        "policy_acts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer, nullable=True),
        sa.Column("over", sa.String(80), nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(4000), nullable=False),
        sa.PrimaryKeyConstraint("name", "seq"),
    )
