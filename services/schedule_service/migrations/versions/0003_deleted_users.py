"""Create the list of deleted accounts, whose late events are skipped."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

from shared.migrations import create_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "deleted_users",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("deleted_at", DATETIME(fsp=6), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deleted_users")
