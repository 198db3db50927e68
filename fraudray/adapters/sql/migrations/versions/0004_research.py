"""indexes for what an investigation asks about merchants and past cases"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("decisions_by_merchant", "decisions", ["merchant", "decided_us"])
    op.create_index("cases_by_alert", "cases", ["last_alert_us"])
