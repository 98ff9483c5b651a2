"""Create sync_runs: each student's synchronisations, of which one holds the lease while it is on."""

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, ENUM, INTEGER, VARCHAR

from shared.migrations import create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create_table(
        "sync_runs",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("cognito_sub", VARCHAR(255), nullable=False),
        sa.Column("triggered_by", ENUM("MANUAL", "SCHEDULED"), nullable=False),
        sa.Column("mode", ENUM("ASSIGNMENTS", "COURSES"), nullable=False),
        sa.Column("status", ENUM("FAILED", "RUNNING", "SUCCEEDED"), nullable=False),
        sa.Column("claim_id", VARCHAR(64)),
        sa.Column("started_at", DATETIME(fsp=6), nullable=False),
        sa.Column("lease_until", DATETIME(fsp=6), nullable=False),
        sa.Column("finished_at", DATETIME(fsp=6)),
        sa.Column("courses_count", INTEGER, nullable=False, server_default=sa.text("0")),
        sa.Column("assignments_count", INTEGER, nullable=False, server_default=sa.text("0")),
        sa.Column("synced_at", VARCHAR(32)),
        sa.Column("error_code", VARCHAR(64)),
        sa.Index("idx_student_runs", "cognito_sub", "id"),
    )
