"""Keep analyses, plans of assignments and what became of them in each planner.

`todos.generated_key` says which step of which assignment a todo was made from, `generated_hash` what it
said then. `generated_todos` remembers every step that was put into a planner, so that one that its student
deleted is not made again; `recorded_submissions` what was handed in.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BIGINT, CHAR, DATETIME, JSON

from shared.migrations import create_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "analyses",
        sa.Column("content_hash", CHAR(64), primary_key=True),
        sa.Column("tasks", JSON, nullable=False),
        sa.Column("made_at", DATETIME(fsp=6), nullable=False),
    )
    create_table(
        "analysis_claims",
        sa.Column("content_hash", CHAR(64), primary_key=True),
        sa.Column("worker_id", sa.String(64)),
        sa.Column("claimed_at", DATETIME(fsp=6)),
        sa.Column("calls", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("counted_from", DATETIME(fsp=6), nullable=False),
    )
    create_table(
        "analysis_budget",
        sa.Column("period", sa.Date, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False, server_default=sa.text("0")),
    )
    create_table(
        "assignment_plans",
        sa.Column("canvas_assignment_id", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("course_id", BIGINT, nullable=False),
        sa.Column("content_hash", CHAR(64)),
        sa.Column("due_at", DATETIME(fsp=6)),
        sa.Column("tasks", JSON, nullable=False),
        sa.Column("planned_at", DATETIME(fsp=6), nullable=False),
    )
    create_table(
        "generated_todos",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("generated_key", sa.String(255), primary_key=True),
    )
    create_table(
        "recorded_submissions",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("canvas_assignment_id", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("recorded_at", DATETIME(fsp=6), nullable=False),
    )
    inspector = sa.inspect(op.get_bind())
    if not any(column["name"] == "generated_key" for column in inspector.get_columns("todos")):
        op.execute(
            "ALTER TABLE todos"
            " ADD COLUMN generated_key VARCHAR(255),"
            " ADD COLUMN generated_hash CHAR(64),"
            " ADD INDEX idx_cognito_sub_generated_key (cognito_sub, generated_key)"
        )
    if not any(index["name"] == "idx_source_id" for index in inspector.get_indexes("schedules")):
        op.create_index("idx_source_id", "schedules", ["source_id"])


def downgrade() -> None:
    op.drop_index("idx_source_id", "schedules")
    op.execute(
        "ALTER TABLE todos DROP INDEX idx_cognito_sub_generated_key,"
        " DROP COLUMN generated_hash, DROP COLUMN generated_key"
    )
    for table in (
        "recorded_submissions",
        "generated_todos",
        "assignment_plans",
        "analysis_budget",
        "analysis_claims",
        "analyses",
    ):
        op.drop_table(table)
