"""Keep the order mark of an assignment's plan, so that an older one does not replace it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # MySQL commits after each statement: a migration cut short is started again.
    columns = sa.inspect(op.get_bind()).get_columns("assignment_plans")
    if not any(column["name"] == "changed_at" for column in columns):
        op.add_column("assignment_plans", sa.Column("changed_at", DATETIME(fsp=6)))


def downgrade() -> None:
    op.drop_column("assignment_plans", "changed_at")
