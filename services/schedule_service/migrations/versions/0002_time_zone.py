"""Give schedules the zone that a recurring one was made in; null means UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MySQL commits after each statement: a migration cut short is started again.
    columns = sa.inspect(op.get_bind()).get_columns("schedules")
    if not any(column["name"] == "time_zone" for column in columns):
        op.add_column("schedules", sa.Column("time_zone", sa.String(64)))


def downgrade() -> None:
    op.drop_column("schedules", "time_zone")
