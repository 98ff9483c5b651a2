"""Create revocations: whose sessions have ended, and up to which beginning."""

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME, VARCHAR

from shared.migrations import create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_table(
        "revocations",
        sa.Column("cognito_sub", VARCHAR(255), primary_key=True),
        sa.Column("revoked_before", DATETIME(fsp=6), nullable=False),
        sa.Index("idx_revoked_before", "revoked_before"),
    )
