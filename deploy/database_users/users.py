"""The statements that make schemas and users."""

from collections.abc import Mapping
from typing import Any

SCHEMAS = {
    "user_service": "user_db",
    "course_service": "course_db",
    "schedule_service": "schedule_db",
}
"""Schema by the user that may enter it, whose name is that of its service."""


def create_users(connection: Any, passwords: Mapping[str, str]) -> None:
    """Make each schema and its user, or give an existing user the password and its rights again.

    Rights are all on its own schema, for the service also migrates it, and none elsewhere. On MySQL the password that a
    user had until now stays good beside the new one until this is done again, so that a rotation refuses nobody.

    Args:
        connection: Of a user that may make users, without a schema.
        passwords: By service.
    """
    keeps_the_old_one = "MariaDB" not in connection.get_server_info()
    renew = "ALTER USER %s@'%%' IDENTIFIED BY %s"
    if keeps_the_old_one:
        renew += " RETAIN CURRENT PASSWORD"
    with connection.cursor() as cursor:
        for user, schema in SCHEMAS.items():
            cursor.execute(
                f"CREATE DATABASE IF NOT EXISTS `{schema}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            )
            cursor.execute(
                "CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user, passwords[user])
            )
            cursor.execute(renew, (user, passwords[user]))
            # An underscore would stand for any letter.
            pattern = schema.replace("_", r"\_")
            cursor.execute(f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO %s@'%%'", (user,))
    connection.commit()
