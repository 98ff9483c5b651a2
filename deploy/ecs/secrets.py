"""Gives the secrets of foundation.yaml their values: made here once, kept where they are, never in a template."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from deploy.database_users.users import SCHEMAS as DATABASES

PASSWORD_BYTES = 32
"""256 bits: as strong as the key that the passwords unlock the database for."""


@dataclass(frozen=True)
class Surroundings:
    """What the values are made of besides chance."""

    database_endpoint: str
    user_pool_id: str
    client_id: str
    canvas_api_token: str


def fill(secrets_manager: Any, surroundings: Surroundings) -> list[str]:
    """Give every secret that has none a value, and return the names of those that got one.

    A secret that has a value keeps it: doing this twice changes nothing. To rotate one see docs/runbook.md.

    Args:
        secrets_manager: A botocore client.
        surroundings: What is known only after the stacks `database` and `identity` are deployed.
    """
    filled = []
    for name, value in values(surroundings).items():
        if _has_value(secrets_manager, name):
            continue
        secrets_manager.put_secret_value(SecretId=name, SecretString=value)
        filled.append(name)
    return filled


def values(surroundings: Surroundings) -> dict[str, str]:
    """Return a fresh value for every secret, by name."""
    passwords = {service: secrets.token_urlsafe(PASSWORD_BYTES) for service in DATABASES}
    urls = {
        f"{service}_url": f"mysql://{service}:{password}@{surroundings.database_endpoint}:3306/{DATABASES[service]}"
        for service, password in passwords.items()
    }
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "unisync/encryption-key": f"first:{key}",
        "unisync/rds-password": json.dumps(passwords | urls),
        "unisync/cognito-config": json.dumps(
            {"user_pool_id": surroundings.user_pool_id, "client_id": surroundings.client_id}
        ),
        "unisync/internal-api-key": json.dumps(
            {
                "canvas_sync_api_key": secrets.token_urlsafe(PASSWORD_BYTES),
                "gateway_key": secrets.token_urlsafe(PASSWORD_BYTES),
            }
        ),
        "unisync/canvas-api-token": surroundings.canvas_api_token,
    }


def _has_value(secrets_manager: Any, name: str) -> bool:
    try:
        return bool(secrets_manager.get_secret_value(SecretId=name)["SecretString"])
    except secrets_manager.exceptions.ResourceNotFoundException:
        return False  # made by the template, without any version


def current_version(secrets_manager: Any, name: str) -> str:
    """Return the id of a secret's current version.

    Raises:
        LookupError: It has no value yet.
    """
    if not _has_value(secrets_manager, name):
        raise LookupError(f"{name} has no value: run `python -m deploy.ecs secrets`")
    return str(secrets_manager.get_secret_value(SecretId=name)["VersionId"])
