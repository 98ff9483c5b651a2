"""The ids of deleted students, so that late messages do not bring their rows back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from shared.migrations import create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_table(
        "deleted_users",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("deleted_at", mysql.DATETIME(fsp=6), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deleted_users")
