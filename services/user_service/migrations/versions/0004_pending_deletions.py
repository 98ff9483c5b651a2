"""Create pending_deletions: what other services and the user pool must still forget."""

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, ENUM, INTEGER, TEXT, VARCHAR

from shared.migrations import create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    create_table(
        "pending_deletions",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("kind", ENUM("GROUP", "USER"), nullable=False),
        sa.Column("subject", VARCHAR(255), nullable=False),
        sa.Column("group_owners", TEXT),
        sa.Column("attempts", INTEGER, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", DATETIME(fsp=6), nullable=False),
        sa.Column("next_attempt_at", DATETIME(fsp=6), nullable=False),
        sa.Index("idx_next_attempt_at", "next_attempt_at"),
    )
