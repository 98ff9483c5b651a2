"""The schema is the one of data.md, which other programs read and write."""

from collections.abc import Callable

import pytest

from services.user_service.database import Base
from services.user_service.migrate import MIGRATIONS
from shared.migrations import migrate
from shared.testing.schemas import execute

Rows = Callable[..., list[tuple[object, ...]]]

COLUMNS = {
    "users": [
        ("id", "bigint", "NO"),
        ("email", "varchar(255)", "NO"),
        ("name", "varchar(100)", "NO"),
        ("cognito_sub", "varchar(255)", "NO"),
        ("is_active", "tinyint(1)", "NO"),
        ("created_at", "datetime(6)", "NO"),
        ("updated_at", "datetime(6)", "NO"),
    ],
    "credentials": [
        ("id", "bigint", "NO"),
        ("cognito_sub", "varchar(255)", "NO"),
        ("provider", "enum('CANVAS','GOOGLE_CALENDAR')", "NO"),
        ("encrypted_token", "varchar(1024)", "NO"),
        ("is_connected", "tinyint(1)", "NO"),
        ("external_user_id", "varchar(255)", "YES"),
        ("external_username", "varchar(255)", "YES"),
        ("created_at", "datetime(6)", "NO"),
        ("updated_at", "datetime(6)", "NO"),
        ("last_validated_at", "datetime(6)", "YES"),
        ("last_synced_at", "datetime(6)", "YES"),
    ],
    "friendships": [
        ("id", "bigint", "NO"),
        ("user_cognito_sub", "varchar(255)", "NO"),
        ("friend_cognito_sub", "varchar(255)", "NO"),
        ("status", "enum('ACCEPTED','BLOCKED','PENDING')", "NO"),
        ("created_at", "datetime(6)", "NO"),
        ("updated_at", "datetime(6)", "NO"),
    ],
    "groups": [
        ("id", "bigint", "NO"),
        ("name", "varchar(100)", "NO"),
        ("description", "text", "YES"),
        ("owner_cognito_sub", "varchar(255)", "NO"),
        ("created_at", "datetime(6)", "NO"),
        ("updated_at", "datetime(6)", "NO"),
    ],
    "group_members": [
        ("id", "bigint", "NO"),
        ("group_id", "bigint", "NO"),
        ("user_cognito_sub", "varchar(255)", "NO"),
        ("role", "enum('ADMIN','MEMBER','OWNER')", "NO"),
        ("joined_at", "datetime(6)", "NO"),
    ],
    "revocations": [
        ("cognito_sub", "varchar(255)", "NO"),
        ("revoked_before", "datetime(6)", "NO"),
    ],
    "deleted_users": [
        ("cognito_sub", "varchar(255)", "NO"),
        ("deleted_at", "datetime(6)", "NO"),
    ],
    "pending_deletions": [
        ("id", "bigint", "NO"),
        ("kind", "enum('GROUP','USER')", "NO"),
        ("subject", "varchar(255)", "NO"),
        ("group_owners", "text", "YES"),
        ("attempts", "int", "NO"),
        ("created_at", "datetime(6)", "NO"),
        ("next_attempt_at", "datetime(6)", "NO"),
    ],
    "sync_runs": [
        ("id", "bigint", "NO"),
        ("cognito_sub", "varchar(255)", "NO"),
        ("triggered_by", "enum('MANUAL','SCHEDULED')", "NO"),
        ("mode", "enum('ASSIGNMENTS','COURSES')", "NO"),
        ("status", "enum('FAILED','RUNNING','SUCCEEDED')", "NO"),
        ("claim_id", "varchar(64)", "YES"),
        ("started_at", "datetime(6)", "NO"),
        ("lease_until", "datetime(6)", "NO"),
        ("finished_at", "datetime(6)", "YES"),
        ("courses_count", "int", "NO"),
        ("assignments_count", "int", "NO"),
        ("synced_at", "varchar(32)", "YES"),
        ("error_code", "varchar(64)", "YES"),
    ],
}

UNIQUE_KEYS = {
    ("users", "email"),
    ("users", "cognito_sub"),
    ("credentials", "cognito_sub,provider"),
    ("friendships", "user_cognito_sub,friend_cognito_sub"),
    ("group_members", "group_id,user_cognito_sub"),
}

NAMED_INDEXES = {
    ("friendships", "uk_user_friend"),
    ("friendships", "idx_user_cognito_sub"),
    ("friendships", "idx_friend_cognito_sub"),
    ("friendships", "idx_status"),
    ("groups", "idx_owner_cognito_sub"),
    ("group_members", "uk_group_user"),
    ("group_members", "idx_group_id"),
    ("group_members", "idx_user_cognito_sub"),
}


@pytest.mark.parametrize("table", COLUMNS)
def test_a_table_has_the_columns_of_the_contract(rows: Rows, table: str) -> None:
    found = rows(
        "SELECT column_name, REGEXP_REPLACE(column_type, 'int\\\\([0-9]{2}\\\\)', 'int'), is_nullable"
        " FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position",
        table,
    )
    assert list(found) == COLUMNS[table]


def test_unique_keys_and_named_indexes_are_those_of_the_contract(rows: Rows) -> None:
    unique = set(
        rows(
            "SELECT table_name, GROUP_CONCAT(column_name ORDER BY seq_in_index)"
            " FROM information_schema.statistics WHERE table_schema = DATABASE()"
            " AND non_unique = 0 AND index_name <> 'PRIMARY' GROUP BY table_name, index_name"
        )
    )
    named = set(
        rows(
            "SELECT DISTINCT table_name, index_name FROM information_schema.statistics"
            " WHERE table_schema = DATABASE()"
        )
    )
    assert unique == UNIQUE_KEYS
    assert named >= NAMED_INDEXES


def test_tables_are_innodb_and_compare_text_as_the_contract_says(rows: Rows) -> None:
    found = set(
        rows(
            "SELECT engine, table_collation FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name <> 'alembic_version'"
        )
    )
    assert found == {("InnoDB", "utf8mb4_unicode_ci")}


def test_other_programs_may_insert_naming_only_what_the_contract_requires(rows: Rows) -> None:
    now = "2026-03-04 09:30:00"
    rows(
        "INSERT INTO friendships (user_cognito_sub, friend_cognito_sub, created_at, updated_at)"
        " VALUES ('a', 'b', %s, %s)",
        now,
        now,
    )
    rows(
        "INSERT INTO group_members (group_id, user_cognito_sub, joined_at) VALUES (1, 'a', %s)", now
    )
    assert rows("SELECT status FROM friendships") == [("PENDING",)]
    assert rows("SELECT role FROM group_members") == [("MEMBER",)]


def test_models_know_no_column_that_the_migrations_do_not_make() -> None:
    for table in Base.metadata.tables.values():
        assert [column.name for column in table.columns] == [
            name for name, _, _ in COLUMNS[table.name]
        ]


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(MIGRATIONS, database_url)
    assert execute(database_url, "SELECT version_num FROM alembic_version") == [("0005",)]
