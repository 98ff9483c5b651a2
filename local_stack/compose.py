"""Provisions `docker compose up`: what Terraform or CloudFormation would have made before the processes start.

Runs once, in a container of its own: databases, queues, user pool, functions and their schedules, then a file of
settings that only exist from then on (pool and client ids, keys made for this start), which the processes read.
"""

import asyncio
import base64
import os
import secrets
import shlex
import time
from pathlib import Path

import httpx
import pymysql

from local_stack.emulator import HEALTH_PATH
from local_stack.processes import ANALYSIS_SETTINGS, DATABASES, FUNCTION_SETTINGS
from local_stack.provision import (
    CANVAS_SYNC_FUNCTION,
    LLM_ANALYSIS_FUNCTION,
    provision_function,
    provision_queues,
    provision_schedules,
    provision_user_pool,
)
from shared.settings import Settings, exit_with_error, load_settings
from shared.testing.schemas import connect

READY_TIMEOUT_SECONDS = 120


def main() -> None:
    """Provision everything and write the settings to `SETTINGS_FILE`."""
    aws = load_settings(Settings)
    if aws.aws_endpoint_url is None:
        exit_with_error("missing setting AWS_ENDPOINT_URL: set the environment variable")
    _wait_for(aws.aws_endpoint_url + HEALTH_PATH)
    _create_databases()
    made = asyncio.run(_provision(aws))
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(made.items())]
    Path(os.environ["SETTINGS_FILE"]).write_text("".join(lines), encoding="utf-8")


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while True:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            exit_with_error(f"nothing answers at {url}: see `docker compose logs aws`")
        time.sleep(0.5)


def _create_databases() -> None:
    with connect(os.environ["MYSQL_ROOT_URL"]) as connection, connection.cursor() as cursor:
        for database in DATABASES.values():
            cursor.execute(
                f"CREATE DATABASE IF NOT EXISTS {database}"
                " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            )
            cursor.execute(
                f"GRANT ALL ON {database}.* TO {pymysql.converters.escape_string(os.environ['MYSQL_USER'])}@'%'"
            )


async def _provision(aws: Settings) -> dict[str, str]:
    made = {
        "CANVAS_SYNC_API_KEY": secrets.token_urlsafe(32),
        "ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    pool = await provision_user_pool(aws)
    made |= {
        "COGNITO_USER_POOL_ID": pool.user_pool_id,
        "COGNITO_CLIENT_ID": pool.client_id,
        "COGNITO_CLIENT_IDS": pool.client_id,
        "COGNITO_ISSUER": (
            f"https://cognito-idp.{aws.aws_region}.amazonaws.com/{pool.user_pool_id}"
        ),
        "COGNITO_JWKS_URL": (f"{aws.aws_endpoint_url}/{pool.user_pool_id}/.well-known/jwks.json"),
    }
    await provision_queues(aws, os.environ, None)
    settings = {**os.environ, **made}
    for function, names in (
        (CANVAS_SYNC_FUNCTION, FUNCTION_SETTINGS),
        (LLM_ANALYSIS_FUNCTION, ANALYSIS_SETTINGS),
    ):
        await provision_function(
            aws,
            function,
            Path(f"{function.package}.zip"),
            {name: settings[name] for name in names if name in settings},
        )
    await provision_schedules(aws)
    return made


if __name__ == "__main__":
    main()
