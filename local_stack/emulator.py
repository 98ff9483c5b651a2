"""The AWS emulator of the local stack: ministack, run from an environment of its own."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

import local_stack
from local_stack.children import end_with_parent
from local_stack.errors import StackError
from local_stack.ports import LOOPBACK, free_port

REGION = "ap-northeast-2"
ACCOUNT_ID = "123456789012"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - the emulator takes any

HEALTH_PATH = "/_ministack/health"

PROGRAM = Path(local_stack.__file__).parent.parent / ".venv-emulator" / "bin" / "ministack"
"""Installed apart from our own packages: ministack pins an older botocore than aiobotocore needs."""


def emulator_command() -> tuple[str, ...]:
    """Return the command that runs the emulator.

    Raises:
        StackError: It is not installed.
    """
    if not PROGRAM.exists():
        raise StackError(f"the AWS emulator is missing at {PROGRAM}: run `make install`")
    return (str(PROGRAM.with_name("python")), "-m", "ministack")


def emulator_environment(port: int, directory: Path) -> dict[str, str]:
    """Return the emulator's settings: loopback only, nothing but what we use, no state from before."""
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        # Queue URLs carry this name; `localhost` may mean ::1, where nothing listens.
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "SERVICES": "sqs,lambda,cognito-idp,logs,iam,sts,events,scheduler",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(temporary),
        "LOG_LEVEL": "WARNING",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }


@contextmanager
def running_emulator(directory: Path) -> Iterator[str]:
    """Run an emulator of its own on a free port, for tests that need queues and nothing else.

    Args:
        directory: Where it keeps its log and its state.

    Yields:
        Its base URL; it answers.

    Raises:
        StackError: It is not installed, or does not answer within ten seconds.
    """
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    directory.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], **emulator_environment(port, directory)}
    with (directory / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            emulator_command(),
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=end_with_parent(),  # noqa: PLW1509 - one prctl call
        )
    try:
        _wait_until_it_answers(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + 10
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(url + HEALTH_PATH).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise StackError(f"the AWS emulator does not answer at {url}")
