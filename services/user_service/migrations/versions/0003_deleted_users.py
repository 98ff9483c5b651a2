"""Create deleted_users: accounts that nothing may bring back."""

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME, VARCHAR

from shared.migrations import create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_table(
        "deleted_users",
        sa.Column("cognito_sub", VARCHAR(255), primary_key=True),
        sa.Column("deleted_at", DATETIME(fsp=6), nullable=False),
        sa.Index("idx_deleted_at", "deleted_at"),
    )
