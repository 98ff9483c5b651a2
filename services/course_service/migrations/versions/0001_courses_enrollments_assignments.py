"""Courses, enrollments and assignments; what each student's listing showed; the outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from shared.migrations import create_table

revision = "0001"
down_revision = None

STAMP = mysql.DATETIME(fsp=6)
FLAG = mysql.TINYINT(1)


def upgrade() -> None:
    create_table(
        "courses",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("canvas_course_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("course_code", sa.String(255)),
        sa.Column("description", sa.Text),
        sa.Column("start_at", STAMP),
        sa.Column("end_at", STAMP),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.UniqueConstraint("canvas_course_id", name="uk_courses_canvas_course_id"),
        sa.Index("idx_canvas_course_id", "canvas_course_id"),
    )
    create_table(
        "enrollments",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("cognito_sub", sa.String(255), nullable=False),
        sa.Column("course_id", sa.BigInteger, nullable=False),
        sa.Column("is_sync_leader", FLAG, nullable=False, server_default=sa.text("0")),
        sa.Column("is_sync_enabled", FLAG, nullable=False, server_default=sa.text("1")),
        sa.Column("enrolled_at", STAMP, nullable=False),
        sa.Column("is_listed", FLAG, nullable=False, server_default=sa.text("0")),
        sa.UniqueConstraint("cognito_sub", "course_id", name="uk_user_course"),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name="fk_enrollment_course"),
    )
    create_table(
        "assignments",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("canvas_assignment_id", sa.BigInteger, nullable=False),
        sa.Column("course_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("due_at", STAMP),
        sa.Column("points_possible", sa.Integer),
        sa.Column("submission_types", sa.String(255)),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.UniqueConstraint("canvas_assignment_id", name="uk_assignments_canvas_assignment_id"),
        sa.Index("idx_canvas_assignment_id", "canvas_assignment_id"),
        sa.Index("idx_course_id", "course_id"),
        sa.Index("idx_due_at", "due_at"),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name="fk_assignment_course"),
    )
    create_table(
        "assignment_visibility",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("assignment_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("canvas_assignment_id", sa.BigInteger, nullable=False),
        sa.Column("due_at", STAMP),
        sa.Column(
            "listing_hash", mysql.CHAR(32, charset="ascii", collation="ascii_bin"), nullable=False
        ),
        sa.Index("idx_visibility_assignment_id", "assignment_id"),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignments.id"],
            name="fk_visibility_assignment",
            ondelete="CASCADE",
        ),
    )
    create_table(
        "course_observations",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("course_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("enrolled_at", STAMP, nullable=False),
        sa.Column("course_observed_at", STAMP),
        sa.Column("listing_observed_at", STAMP),
    )
    create_table(
        "students",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("snapshot_at", STAMP),
    )
    create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("queue_name", sa.String(80), nullable=False),
        sa.Column("unique_key", sa.String(320), nullable=False),
        sa.Column("body", mysql.JSON, nullable=False),
        sa.Column("correlation_id", sa.String(64)),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("due_at", STAMP, nullable=False),
        sa.UniqueConstraint("unique_key", name="uk_outbox_unique_key"),
        sa.Index("idx_outbox_due_at", "due_at"),
    )


def downgrade() -> None:
    for table in (
        "outbox",
        "students",
        "course_observations",
        "assignment_visibility",
        "assignments",
        "enrollments",
        "courses",
    ):
        op.drop_table(table)
