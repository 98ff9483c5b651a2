"""On a real server: each service's user sees its own schema and no other."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest

from deploy.database_users.users import SCHEMAS, create_users

PASSWORDS = {service: f"password-of-{service}" for service in SCHEMAS}


def connect(url: str, user: str | None = None, password: str | None = None) -> Any:
    server = urlsplit(url)
    return pymysql.connect(
        host=server.hostname or "",
        port=server.port or 3306,
        user=user or server.username or "",
        password=password if user else server.password or "",
        autocommit=True,
    )


@pytest.fixture
def server_url(mysql_server_url: str) -> Iterator[str]:
    with connect(mysql_server_url) as master:
        create_users(master, PASSWORDS)
        yield mysql_server_url
        with master.cursor() as cursor:
            for user, schema in SCHEMAS.items():
                cursor.execute("DROP USER %s@'%%'", (user,))
                cursor.execute(f"DROP DATABASE `{schema}`")


@pytest.mark.parametrize("service", SCHEMAS)
def test_a_services_user_sees_its_own_schema_only(server_url: str, service: str) -> None:
    """I-04"""
    with (
        connect(server_url, service, PASSWORDS[service]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SHOW DATABASES")
        seen = {row[0] for row in cursor.fetchall()}

    assert {name for name in seen if name.endswith("_db")} == {SCHEMAS[service]}


@pytest.mark.parametrize("service", SCHEMAS)
def test_a_services_user_may_do_nothing_elsewhere(server_url: str, service: str) -> None:
    """I-04"""
    others = [schema for owner, schema in SCHEMAS.items() if owner != service]
    with (
        connect(server_url, service, PASSWORDS[service]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"CREATE TABLE `{SCHEMAS[service]}`.own (id INT PRIMARY KEY)")
        for statement in (
            *(f"CREATE TABLE `{schema}`.foreign_table (id INT)" for schema in others),
            *(f"USE `{schema}`" for schema in others),
            "CREATE DATABASE another_db",
            f"CREATE DATABASE {SCHEMAS[service].replace('_', '1')}",
            "CREATE USER another@'%' IDENTIFIED BY 'x'",
            "SELECT user FROM mysql.user",
        ):
            with pytest.raises(pymysql.MySQLError):
                cursor.execute(statement)


def test_run_again_it_changes_passwords_and_keeps_tables(server_url: str) -> None:
    """I-05: this is how a database password is rotated."""
    with connect(server_url, "user_service", PASSWORDS["user_service"]) as connection:
        connection.cursor().execute("CREATE TABLE user_db.kept (id INT PRIMARY KEY)")
    rotated = {service: f"rotated-{service}" for service in SCHEMAS}

    with connect(server_url) as master:
        create_users(master, rotated)

    with (
        connect(server_url, "user_service", rotated["user_service"]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT COUNT(*) FROM user_db.kept")
        assert cursor.fetchone() == (0,)


def test_a_rotated_password_is_good_and_the_old_one_until_the_next_time(server_url: str) -> None:
    """I-05: on MariaDB, which knows one password for a user, the old one ends at once."""
    service, rotated = "user_service", {name: f"{word}-2" for name, word in PASSWORDS.items()}
    with connect(server_url) as master:
        is_mysql = "MariaDB" not in master.get_server_info()
        create_users(master, rotated)
        connect(server_url, service, rotated[service]).close()
        if is_mysql:
            connect(server_url, service, PASSWORDS[service]).close()
            create_users(master, rotated)
    with pytest.raises(pymysql.OperationalError):
        connect(server_url, service, PASSWORDS[service])
    connect(server_url, service, rotated[service]).close()
