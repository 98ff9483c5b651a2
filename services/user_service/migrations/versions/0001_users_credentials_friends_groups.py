"""Create users, credentials, friendships, groups and group_members as data.md has them."""

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, ENUM, TEXT, TINYINT, VARCHAR

from shared.migrations import create_table

revision = "0001"
down_revision = None

STAMP = DATETIME(fsp=6)


def upgrade() -> None:
    create_table(
        "users",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("email", VARCHAR(255), nullable=False),
        sa.Column("name", VARCHAR(100), nullable=False),
        sa.Column("cognito_sub", VARCHAR(255), nullable=False),
        sa.Column("is_active", TINYINT(1), nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("cognito_sub"),
    )
    create_table(
        "credentials",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("cognito_sub", VARCHAR(255), nullable=False),
        sa.Column("provider", ENUM("CANVAS", "GOOGLE_CALENDAR"), nullable=False),
        sa.Column("encrypted_token", VARCHAR(1024), nullable=False),
        sa.Column("is_connected", TINYINT(1), nullable=False, server_default=sa.text("0")),
        sa.Column("external_user_id", VARCHAR(255)),
        sa.Column("external_username", VARCHAR(255)),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.Column("last_validated_at", STAMP),
        sa.Column("last_synced_at", STAMP),
        sa.UniqueConstraint("cognito_sub", "provider"),
    )
    create_table(
        "friendships",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("user_cognito_sub", VARCHAR(255), nullable=False),
        sa.Column("friend_cognito_sub", VARCHAR(255), nullable=False),
        sa.Column(
            "status",
            ENUM("ACCEPTED", "BLOCKED", "PENDING"),
            nullable=False,
            server_default="PENDING",
        ),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.UniqueConstraint("user_cognito_sub", "friend_cognito_sub", name="uk_user_friend"),
        sa.Index("idx_user_cognito_sub", "user_cognito_sub"),
        sa.Index("idx_friend_cognito_sub", "friend_cognito_sub"),
        sa.Index("idx_status", "status"),
    )
    create_table(
        "groups",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("name", VARCHAR(100), nullable=False),
        sa.Column("description", TEXT),
        sa.Column("owner_cognito_sub", VARCHAR(255), nullable=False),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.Index("idx_owner_cognito_sub", "owner_cognito_sub"),
    )
    create_table(
        "group_members",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=True),
        sa.Column("group_id", BIGINT, nullable=False),
        sa.Column("user_cognito_sub", VARCHAR(255), nullable=False),
        sa.Column(
            "role", ENUM("ADMIN", "MEMBER", "OWNER"), nullable=False, server_default="MEMBER"
        ),
        sa.Column("joined_at", STAMP, nullable=False),
        sa.UniqueConstraint("group_id", "user_cognito_sub", name="uk_group_user"),
        sa.Index("idx_group_id", "group_id"),
        sa.Index("idx_user_cognito_sub", "user_cognito_sub"),
    )
