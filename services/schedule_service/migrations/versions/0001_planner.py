"""Create the planner: categories, schedules, todos, and each student's snapshot mark.

Columns, keys and named indexes as in the data contract. Foreign keys hold inside the schema: a category
that is in use cannot go, a todo outlives its schedule, a subtask does not outlive its parent. InnoDB
cascades at most 15 levels, so deeper trees of todos are deleted from their leaves up.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, ENUM, TINYINT

from shared.migrations import create_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NO = sa.text("0")
STATUS = ENUM("DONE", "IN_PROGRESS", "TODO")


def stamps() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("created_at", DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", DATETIME(fsp=6), nullable=False),
    )


def upgrade() -> None:
    create_table(
        "categories",
        sa.Column("category_id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("cognito_sub", sa.String(255)),
        sa.Column("group_id", BIGINT),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("color", sa.String(7), nullable=False),
        sa.Column("icon", sa.String(50)),
        sa.Column("is_default", TINYINT(1), nullable=False, server_default=NO),
        sa.Column("source_type", sa.String(50)),
        sa.Column("source_id", sa.String(255)),
        *stamps(),
        sa.UniqueConstraint("cognito_sub", "name", name="uk_cognito_sub_name"),
        sa.UniqueConstraint("cognito_sub", "source_type", "source_id", name="uk_user_source"),
        sa.Index("idx_cognito_sub", "cognito_sub"),
        sa.Index("idx_group_id", "group_id"),
        sa.Index("idx_source", "source_type", "source_id"),
    )
    create_table(
        "schedules",
        sa.Column("schedule_id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("cognito_sub", sa.String(255)),
        sa.Column("group_id", BIGINT),
        sa.Column("category_id", BIGINT, nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("location", sa.String(255)),
        sa.Column("start_time", DATETIME(fsp=6), nullable=False),
        sa.Column("end_time", DATETIME(fsp=6), nullable=False),
        sa.Column("is_all_day", TINYINT(1), nullable=False, server_default=NO),
        sa.Column("status", STATUS, nullable=False, server_default="TODO"),
        sa.Column("recurrence_rule", sa.String(255)),
        sa.Column(
            "source",
            ENUM("CANVAS", "GOOGLE_CALENDAR", "TODOIST", "USER"),
            nullable=False,
            server_default="USER",
        ),
        sa.Column("source_id", sa.String(255)),
        *stamps(),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.category_id"], name="fk_schedule_category"
        ),
        sa.Index("idx_cognito_sub", "cognito_sub"),
        sa.Index("idx_group_id", "group_id"),
        sa.Index("idx_category_id", "category_id"),
        sa.Index("idx_start_time", "start_time"),
        sa.Index("idx_end_time", "end_time"),
        sa.Index("idx_status", "status"),
        sa.Index("idx_cognito_sub_start_time", "cognito_sub", "start_time"),
        sa.Index("idx_group_id_start_time", "group_id", "start_time"),
        sa.Index("idx_cognito_sub_source", "cognito_sub", "source", "source_id"),
    )
    create_table(
        "todos",
        sa.Column("todo_id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("cognito_sub", sa.String(255)),
        sa.Column("group_id", BIGINT),
        sa.Column("category_id", BIGINT, nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("deadline", DATETIME(fsp=6)),
        sa.Column("status", STATUS, nullable=False, server_default="TODO"),
        sa.Column(
            "priority",
            ENUM("HIGH", "LOW", "MEDIUM", "URGENT"),
            nullable=False,
            server_default="MEDIUM",
        ),
        sa.Column("progress_percentage", sa.Integer, nullable=False, server_default=NO),
        sa.Column("parent_todo_id", BIGINT),
        sa.Column("schedule_id", BIGINT),
        sa.Column("is_ai_generated", TINYINT(1), nullable=False, server_default=NO),
        *stamps(),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.category_id"], name="fk_todo_category"
        ),
        sa.ForeignKeyConstraint(
            ["parent_todo_id"], ["todos.todo_id"], name="fk_todo_parent", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["schedules.schedule_id"],
            name="fk_todo_schedule",
            ondelete="SET NULL",
        ),
        sa.Index("idx_cognito_sub", "cognito_sub"),
        sa.Index("idx_group_id", "group_id"),
        sa.Index("idx_category_id", "category_id"),
        sa.Index("idx_status", "status"),
        sa.Index("idx_priority", "priority"),
        sa.Index("idx_due_date", "due_date"),
        sa.Index("idx_deadline", "deadline"),
        sa.Index("idx_parent_todo_id", "parent_todo_id"),
        sa.Index("idx_schedule_id", "schedule_id"),
    )
    create_table(
        "canvas_snapshots",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("snapshot_at", DATETIME(fsp=6)),
    )


def downgrade() -> None:
    for table in ("canvas_snapshots", "todos", "schedules", "categories"):
        op.drop_table(table)
