"""The outbox keeps the trace of the work that wrote an event, where that was recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # MySQL commits after each statement: a migration cut short is started again.
    columns = sa.inspect(op.get_bind()).get_columns("outbox")
    if not any(column["name"] == "traceparent" for column in columns):
        op.execute("ALTER TABLE outbox ADD COLUMN traceparent VARCHAR(55)")


def downgrade() -> None:
    op.execute("ALTER TABLE outbox DROP COLUMN traceparent")
