"""Reads the settings, makes the users, says so: `python -m deploy.database_users`."""

import json
import os
import sys

import pymysql

from deploy.database_users.users import SCHEMAS, create_users
from shared.database_tls import rds_context


def main() -> None:
    """Make the users, or end with one `error:` line that repeats no password."""
    try:
        passwords = json.loads(os.environ["RDS_PASSWORD"])
        connection = pymysql.connect(
            host=os.environ["DATABASE_HOST"],
            user=os.environ["MASTER_USERNAME"],
            password=os.environ["MASTER_PASSWORD"],
            ssl=rds_context(),
            connect_timeout=10,
        )
        with connection:
            create_users(connection, {service: passwords[service] for service in SCHEMAS})
    except (KeyError, ValueError) as problem:
        sys.exit(
            f"error: missing or unreadable setting: {type(problem).__name__} {problem.args[:1]}"
        )
    except pymysql.MySQLError as problem:
        sys.exit(f"error: the database refuses: {type(problem).__name__} {problem.args[:1]}")
    sys.stdout.write(
        json.dumps({"level": "INFO", "message": "database_users_made", "users": sorted(SCHEMAS)})
        + "\n"
    )


if __name__ == "__main__":
    main()
