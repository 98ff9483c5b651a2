"""Give schedules the zone that a recurring one was made in; null means UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedules", sa.Column("time_zone", sa.String(64)))


def downgrade() -> None:
    op.drop_column("schedules", "time_zone")
