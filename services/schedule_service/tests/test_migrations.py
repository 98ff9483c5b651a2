"""The schema is that of the data contract and takes what other programs write."""

import pytest
from pymysql.err import IntegrityError

from services.schedule_service.migrate import MIGRATIONS
from shared.migrations import migrate

COLUMNS = {
    "categories": """
        category_id bigint NO, cognito_sub varchar(255) YES, group_id bigint YES, name varchar(100) NO,
        color varchar(7) NO, icon varchar(50) YES, is_default tinyint(1) NO, source_type varchar(50) YES,
        source_id varchar(255) YES, created_at datetime(6) NO, updated_at datetime(6) NO,
        name_scope bigint NO""",
    "schedules": """
        schedule_id bigint NO, cognito_sub varchar(255) YES, group_id bigint YES, category_id bigint NO,
        title varchar(255) NO, description text YES, location varchar(255) YES,
        start_time datetime(6) NO, end_time datetime(6) NO, is_all_day tinyint(1) NO,
        status enum('DONE';'IN_PROGRESS';'TODO') NO, recurrence_rule varchar(255) YES,
        source enum('CANVAS';'GOOGLE_CALENDAR';'TODOIST';'USER') NO, source_id varchar(255) YES,
        created_at datetime(6) NO, updated_at datetime(6) NO, time_zone varchar(64) YES""",
    "todos": """
        todo_id bigint NO, cognito_sub varchar(255) YES, group_id bigint YES, category_id bigint NO,
        title varchar(255) NO, description text YES, start_date date NO, due_date date NO,
        deadline datetime(6) YES, status enum('DONE';'IN_PROGRESS';'TODO') NO,
        priority enum('HIGH';'LOW';'MEDIUM';'URGENT') NO, progress_percentage int NO,
        parent_todo_id bigint YES, schedule_id bigint YES, is_ai_generated tinyint(1) NO,
        created_at datetime(6) NO, updated_at datetime(6) NO, generated_key varchar(255) YES,
        generated_hash char(64) YES""",
    "canvas_snapshots": "cognito_sub varchar(255) NO, snapshot_at datetime(6) YES",
    "deleted_users": "cognito_sub varchar(255) NO, deleted_at datetime(6) NO",
    "failed_messages": """
        message_id varchar(128) NO, receive_count int NO, queue_name varchar(80) NO,
        event_type varchar(64) YES, reason varchar(255) NO, failed_at datetime(6) NO""",
}

KEYS = {
    "categories": """
        PRIMARY(category_id) uk_cognito_sub_name(cognito_sub,name,name_scope)
        uk_group_id_name(group_id,name)
        uk_user_source(cognito_sub,source_type,source_id) idx_cognito_sub(cognito_sub)
        idx_group_id(group_id) idx_source(source_type,source_id)""",
    "schedules": """
        PRIMARY(schedule_id) idx_cognito_sub(cognito_sub) idx_group_id(group_id)
        idx_category_id(category_id) idx_start_time(start_time) idx_end_time(end_time)
        idx_status(status) idx_cognito_sub_start_time(cognito_sub,start_time)
        idx_group_id_start_time(group_id,start_time)
        idx_cognito_sub_source(cognito_sub,source,source_id) idx_source_id(source_id)""",
    "todos": """
        PRIMARY(todo_id) idx_cognito_sub(cognito_sub) idx_group_id(group_id)
        idx_category_id(category_id) idx_status(status) idx_priority(priority)
        idx_due_date(due_date) idx_deadline(deadline) idx_parent_todo_id(parent_todo_id)
        idx_schedule_id(schedule_id)
        idx_cognito_sub_generated_key(cognito_sub,generated_key)""",
    "canvas_snapshots": "PRIMARY(cognito_sub)",
    "deleted_users": "PRIMARY(cognito_sub)",
    "failed_messages": "PRIMARY(message_id,receive_count) idx_failed_messages_failed_at(failed_at)",
}


@pytest.mark.parametrize("table", COLUMNS)
def test_the_columns_are_those_of_the_contract(planner, table):
    found = planner.rows(
        "SELECT CONCAT(column_name, ' ', column_type, ' ', is_nullable) AS found"
        " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s"
        " ORDER BY ordinal_position",
        table,
    )
    # Only MariaDB and MySQL before 8.0.19 show a display width.
    shown = [
        row["found"].replace("bigint(20)", "bigint").replace("int(11)", "int").replace(",", ";")
        for row in found
    ]
    assert shown == [" ".join(column.split()) for column in COLUMNS[table].split(",")]


@pytest.mark.parametrize("table", KEYS)
def test_the_named_keys_are_there_and_the_ones_for_the_real_queries(planner, table):
    found = planner.rows(
        "SELECT CONCAT(index_name, '(', GROUP_CONCAT(column_name ORDER BY seq_in_index), ')') AS found"
        " FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = %s"
        " GROUP BY index_name",
        table,
    )
    assert {row["found"] for row in found} == set(KEYS[table].split())


def test_every_table_compares_text_by_the_contracts_collation(planner):
    found = planner.rows(
        "SELECT DISTINCT engine AS engine, table_collation AS collation FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name <> 'alembic_version'"
    )
    assert found == [{"engine": "InnoDB", "collation": "utf8mb4_unicode_ci"}]


def test_migrating_again_changes_nothing(planner):
    """D-06"""
    before = planner.rows("SHOW CREATE TABLE schedules")
    planner.category()
    migrate(MIGRATIONS, planner.url)
    assert planner.rows("SHOW CREATE TABLE schedules") == before
    assert len(planner.categories()) == 1


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_a_migration_cut_short_is_started_again(planner, revision):
    """D-06: MySQL commits each statement, so the step may be done and not yet noted."""
    planner.category()
    before = [planner.rows(f"SHOW CREATE TABLE {table}") for table in COLUMNS]
    planner.rows("UPDATE alembic_version SET version_num = %s", revision)
    migrate(MIGRATIONS, planner.url)
    assert [planner.rows(f"SHOW CREATE TABLE {table}") for table in COLUMNS] == before
    assert len(planner.categories()) == 1


def test_a_name_is_unique_for_a_person_and_in_a_group(planner):
    """D-1"""
    planner.category()
    planner.category(name="shared", group_id=1)
    for values in ({"group_id": 1}, {}, {"name": "shared", "group_id": 1, "cognito_sub": "x"}):
        with pytest.raises(IntegrityError):
            planner.category(**values)
    planner.category(group_id=1, name_scope=1)
    planner.category(cognito_sub="x")


def test_a_category_in_use_cannot_vanish(planner):
    """D-6"""
    category = planner.category()
    planner.schedule(category)
    with pytest.raises(IntegrityError):
        planner.rows("DELETE FROM categories")
    with pytest.raises(IntegrityError):
        planner.todo(category + 1)


def test_subtasks_go_with_their_parent_and_todos_outlive_their_schedule(planner):
    """D-6"""
    category = planner.category()
    schedule = planner.schedule(category)
    root = planner.todo(category, schedule_id=schedule)
    planner.todo(category, parent_todo_id=root)
    planner.rows("DELETE FROM schedules")
    assert [row["schedule_id"] for row in planner.rows("SELECT schedule_id FROM todos")] == [
        None
    ] * 2
    planner.rows("DELETE FROM todos WHERE todo_id = %s", root)
    assert planner.rows("SELECT * FROM todos") == []
