"""The ids of deleted students, so that late messages do not bring their rows back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "deleted_users",
        sa.Column("cognito_sub", sa.String(255), primary_key=True),
        sa.Column("deleted_at", mysql.DATETIME(fsp=6), nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_ci",
        # MySQL commits after each statement: a migration cut short is started again.
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("deleted_users")
