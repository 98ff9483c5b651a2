"""The two processes: they start from environment variables alone, say what is missing, and stop when told."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from services.schedule_service.migrate import MIGRATIONS
from services.schedule_service.settings import APISettings, WorkerSettings
from shared.migrations import main as migrate
from shared.settings import load_settings
from shared.testing.schemas import empty_schema

API = "services.schedule_service"
WORKER = "services.schedule_service.worker"
ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(module: str, **environment: str):
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "ENVIRONMENT": "local",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "USER_SERVICE_URL": "http://127.0.0.1:1",
            "CANVAS_SYNC_API_KEY": "key",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_for(url: str) -> httpx.Response:
    deadline = time.monotonic() + 15
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_api_serves_both_ports_and_ends_on_sigterm(database_url):
    """O1 to O3, Q-09"""
    port, management = free_port(), free_port()
    with process(
        API, DATABASE_URL=database_url, PORT=str(port), MANAGEMENT_PORT=str(management)
    ) as child:
        base = f"http://127.0.0.1:{port}"
        assert wait_for(f"{base}/actuator/health").json() == {"status": "UP"}
        assert wait_for(f"http://127.0.0.1:{management}/actuator/health").status_code == 200
        assert httpx.get(f"{base}/v1/schedules", headers={"X-Cognito-Sub": "x"}).json() == []
        child.send_signal(signal.SIGTERM)
        output, errors = child.communicate(timeout=10)
    assert child.returncode == 0
    assert errors == ""
    assert all(line.startswith("{") for line in output.splitlines())


def test_the_worker_serves_its_management_port_and_ends_on_sigterm(database_url):
    """Q-09: also while the queue cannot be reached."""
    management = free_port()
    with process(WORKER, DATABASE_URL=database_url, MANAGEMENT_PORT=str(management)) as child:
        assert wait_for(f"http://127.0.0.1:{management}/actuator/health").json() == {"status": "UP"}
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=10)
    assert child.returncode == 0
    assert errors == ""


@pytest.mark.parametrize("module", [API, WORKER])
def test_a_schema_that_was_not_migrated_ends_the_process_naming_the_command(
    mysql_server_url, module
):
    with (
        empty_schema(mysql_server_url, "unmigrated") as url,
        process(
            module,
            DATABASE_URL=url,
            PORT=str(free_port()),
            MANAGEMENT_PORT=str(free_port()),
        ) as child,
    ):
        _, errors = child.communicate(timeout=20)
    assert child.returncode == 1
    assert errors.splitlines()[-1].startswith("error: the schema is at revision none")
    assert "python -m services.schedule_service.migrate" in errors


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (APISettings, "DATABASE_URL"),
        (APISettings, "USER_SERVICE_URL"),
        (APISettings, "CANVAS_SYNC_API_KEY"),
        (WorkerSettings, "DATABASE_URL"),
    ],
)
def test_a_missing_setting_is_named(monkeypatch, capsys, settings, missing):
    monkeypatch.setenv("DATABASE_URL", "mysql://u:p@127.0.0.1:1/d")
    monkeypatch.setenv("USER_SERVICE_URL", "http://127.0.0.1:8081")
    monkeypatch.setenv("CANVAS_SYNC_API_KEY", "key")
    monkeypatch.setenv(missing, "")
    with pytest.raises(SystemExit) as end:
        load_settings(settings)
    assert end.value.code == 78
    assert capsys.readouterr().err == (
        f"error: missing setting {missing}: set the environment variable\n"
    )


def test_the_migration_names_a_database_it_cannot_reach(monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", "mysql://u:p@127.0.0.1:1/d")
    with pytest.raises(SystemExit) as end:
        migrate(MIGRATIONS)
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("error: the database of DATABASE_URL")


@pytest.mark.parametrize("settings", [APISettings, WorkerSettings])
def test_the_readme_describes_every_setting(settings):
    readme = (ROOT / "services/schedule_service/README.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", readme, re.MULTILINE))
    for name, setting in settings.model_fields.items():
        default = "required" if setting.is_required() else f"`{setting.default}`"
        default = "-" if setting.default is None else default
        shown_default, _, meaning = rows[name.upper()].partition(" | ")
        assert default in shown_default
        assert setting.description in meaning
