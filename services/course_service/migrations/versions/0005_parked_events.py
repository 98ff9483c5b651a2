"""Events that failed too often are parked in the outbox, with the reason."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # MySQL commits after each statement: a migration cut short is started again.
    columns = sa.inspect(op.get_bind()).get_columns("outbox")
    if not any(column["name"] == "parked_at" for column in columns):
        op.execute(
            "ALTER TABLE outbox ADD COLUMN parked_at DATETIME(6), ADD COLUMN failure VARCHAR(255)"
        )


def downgrade() -> None:
    op.execute("ALTER TABLE outbox DROP COLUMN parked_at, DROP COLUMN failure")
