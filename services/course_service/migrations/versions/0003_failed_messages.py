"""Why messages failed, by message id, for operators of the dead-letter queue."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # One statement, index included: MySQL commits after each, and a migration cut short is started again.
    op.execute(
        "CREATE TABLE IF NOT EXISTS failed_messages ("
        " message_id VARCHAR(128) NOT NULL,"
        " receive_count INTEGER NOT NULL,"
        " queue_name VARCHAR(80) NOT NULL,"
        " event_type VARCHAR(64),"
        " reason VARCHAR(255) NOT NULL,"
        " failed_at DATETIME(6) NOT NULL,"
        " PRIMARY KEY (message_id, receive_count),"
        " INDEX idx_failed_messages_failed_at (failed_at)"
        ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci"
    )


def downgrade() -> None:
    op.drop_table("failed_messages")
