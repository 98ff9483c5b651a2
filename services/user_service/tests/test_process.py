"""The process itself: started by its environment alone, stopped by SIGTERM."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from shared.testing.schemas import empty_schema


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(**environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.user_service"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ".", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "PORT": str(_free_port()),
        "MANAGEMENT_PORT": str(_free_port()),
        "ENVIRONMENT": "local",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "COGNITO_USER_POOL_ID": "ap-northeast-2_pool",
        "COGNITO_CLIENT_ID": "client",
        "CANVAS_BASE_URL": "http://127.0.0.1:9",
        "CANVAS_SYNC_API_KEY": "key",
        "COURSE_SERVICE_URL": "http://127.0.0.1:9",
        "SCHEDULE_SERVICE_URL": "http://127.0.0.1:9",
        "ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
    }


def test_it_serves_on_both_ports_and_stops_when_told(environment: dict[str, str]) -> None:
    """Q-09, fact 11: SIGTERM ends it in order."""
    with _process(**environment) as process:
        for port in (environment["PORT"], environment["MANAGEMENT_PORT"]):
            _wait_until_up(f"http://127.0.0.1:{port}/actuator/health", process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_it_refuses_a_schema_that_is_not_migrated(
    environment: dict[str, str], mysql_server_url: str
) -> None:
    with (
        empty_schema(mysql_server_url, "unmigrated") as url,
        _process(**{**environment, "DATABASE_URL": url}) as process,
    ):
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    last = errors.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "python -m services.user_service.migrate" in last


def _wait_until_up(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=2, trust_env=False).json() == {"status": "UP"}:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail(f"{url} is not up")
