"""An AWS account in the emulator with every stack that it supports, deployed as the documented path does."""

import io
import os
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import httpx

from deploy.ecs.secrets import Surroundings, current_version, fill
from deploy.ecs.stacks import STACKS, deploy, outputs
from local_stack.children import end_with_parent
from local_stack.emulator import (
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    HEALTH_PATH,
    REGION,
    SECRET_ACCESS_KEY,
    emulator_command,
    emulator_environment,
)
from local_stack.ports import free_port

COMMIT = "0" * 40
PARAMETERS = {
    "AllowedOrigin": "https://app.example.edu",
    "CanvasBaseUrl": "https://canvas.example.edu",
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT_ID}:certificate/00000000-0000-0000-0000-000000000000",
    "GitHubIdentityProviderArn": f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/token.actions.githubusercontent.com",
    "GitHubRepository": "unisync/unisync",
    "ImageTag": COMMIT,
    "MasterSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:rds!db-unisync-abcdef",
    "OperatorsEmail": "operators@example.edu",
    "PackageVersion": COMMIT,
    "Stage": "production",
}
READY_SECONDS = 20


@dataclass
class Account:
    """Clients of the emulated account, and what became of each stack."""

    url: str
    statuses: dict[str, str] = field(default_factory=dict)
    session: Any = field(default_factory=botocore.session.get_session)
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a client, made once: reading an API's model takes longer than its calls."""
        if service not in self.clients:
            self.clients[service] = self._new_client(service)
        return self.clients[service]

    def _new_client(self, service: str) -> Any:
        return self.session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )


@contextmanager
def emulated_account() -> Iterator[Account]:
    """Start an emulator of the whole of AWS, deploy, and end it."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        environment = {**os.environ, **emulator_environment(port, Path(directory))}
        del environment["SERVICES"]  # all of them
        process = subprocess.Popen(
            emulator_command(),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=end_with_parent(),  # noqa: PLW1509 - one prctl call
        )
        try:
            account = Account(f"http://127.0.0.1:{port}")
            _wait_for(account.url + HEALTH_PATH)
            _deploy_all(account)
            yield account
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, f"nothing answers at {url}"
        time.sleep(0.05)


def _deploy_all(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    parameters = dict(PARAMETERS)
    for stack in STACKS:
        if not stack.is_emulated:
            continue
        if stack.name == "migrations":
            _fill_secrets(account)
            _upload_packages(account)
            parameters["InternalApiKeyVersion"] = current_version(
                account.client("secretsmanager"), "unisync/internal-api-key"
            )
        account.statuses[stack.name] = deploy(cloudformation, stack, parameters)


def _fill_secrets(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    identity = outputs(cloudformation, "unisync-identity")
    surroundings = Surroundings(
        database_endpoint=outputs(cloudformation, "unisync-database")["Endpoint"],
        user_pool_id=identity["UserPoolId"],
        client_id=identity["ClientId"],
        canvas_api_token="token-of-the-smoke-test",
    )
    assert len(fill(account.client("secretsmanager"), surroundings)) == 5


def _upload_packages(account: Account) -> None:
    bucket = outputs(account.client("cloudformation"), "unisync-foundation")["PackagesName"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "def lambda_handler(event, context):\n    return event\n")
    for function in ("canvas-sync-lambda", "llm-analysis-lambda"):
        account.client("s3").put_object(
            Bucket=bucket, Key=f"{COMMIT}/{function}.zip", Body=package.getvalue()
        )
