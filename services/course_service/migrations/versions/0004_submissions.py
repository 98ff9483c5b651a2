"""Each student's own submission, as the listing of the assignment last showed it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    columns = sa.inspect(op.get_bind()).get_columns("assignment_visibility")
    # MySQL commits after each statement: a migration cut short is started again.
    if not any(column["name"] == "submission_hash" for column in columns):
        op.execute(
            "ALTER TABLE assignment_visibility"
            " ADD COLUMN submission JSON,"
            " ADD COLUMN submission_hash CHAR(32) CHARACTER SET ascii COLLATE ascii_bin"
        )


def downgrade() -> None:
    op.execute(
        "ALTER TABLE assignment_visibility DROP COLUMN submission_hash, DROP COLUMN submission"
    )
