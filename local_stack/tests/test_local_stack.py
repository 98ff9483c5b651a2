"""The whole system on this machine; slow, so few tests."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_stack.children import ProcessIdentity
from local_stack.ports import free_port_offset
from local_stack.processes import ports
from local_stack.state_directory import REPOSITORY
from shared.events.routes import QUEUES
from shared.testing.schemas import execute

pytestmark = pytest.mark.stack

PROCESSES = {
    "gateway",
    "user_service",
    "course_service",
    "course_service_worker",
    "schedule_service",
    "schedule_service_worker",
}


def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_description_has_everything_other_programs_need(
    stack: dict[str, Any], stack_directory: Path
) -> None:
    """`contract/additions.md` G."""
    urls = {"gateway", "user_service", "course_service", "schedule_service", "aws", "canvas"}
    aws = {"aws_access_key_id", "aws_secret_access_key", "region", "user_pool_id", "client_id"}

    assert set(stack) == {*urls, *aws, "canvas_token", "mysql", "api_key", "queues", "pids"}
    assert all(stack[name].startswith("http://127.0.0.1:") for name in urls)
    assert set(stack["mysql"]) == {"host", "port", "user", "password", "databases"}
    assert stack["mysql"]["databases"] == {
        "user_service": "user_db",
        "course_service": "course_db",
        "schedule_service": "schedule_db",
    }
    assert set(stack["queues"]) == {
        name for queue in QUEUES for name in (queue.name, f"{queue.name}-dlq")
    }
    assert set(stack["pids"]) >= PROCESSES
    assert stat.S_IMODE((stack_directory / "stack.json").stat().st_mode) == 0o600


def test_the_schemas_are_migrated_and_open_to_the_described_user(stack: dict[str, Any]) -> None:
    mysql = stack["mysql"]
    server = f"mysql://{mysql['user']}:{mysql['password']}@{mysql['host']}:{mysql['port']}"

    for database in mysql["databases"].values():
        assert execute(f"{server}/{database}", "SELECT COUNT(*) FROM alembic_version") == [(1,)]


def test_the_described_token_opens_the_sandbox(stack: dict[str, Any]) -> None:
    answer = httpx.get(
        f"{stack['canvas']}/api/v1/users/self/profile",
        headers={"Authorization": f"Bearer {stack['canvas_token']}", "User-Agent": "test"},
    )

    assert answer.status_code == 200


def test_a_killed_process_comes_back_under_a_new_pid_in_the_description(
    stack: dict[str, Any], stack_directory: Path
) -> None:
    def pid() -> int:
        described = json.loads((stack_directory / "stack.json").read_text())
        return int(described["pids"]["course_service"])

    killed = pid()
    os.kill(killed, signal.SIGKILL)

    until(lambda: pid() != killed)
    until(lambda: answers(f"{stack['course_service']}/actuator/health"))


def test_the_demo_prints_every_due_assignment_and_an_interrupt_leaves_nothing(
    tmp_path: Path,
) -> None:
    offset = free_port_offset(port for _, port in ports())
    run = subprocess.Popen(
        [sys.executable, "-m", "local_stack", "run"],
        cwd=REPOSITORY,
        env={**os.environ, "UNISYNC_STATE_DIR": str(tmp_path), "PORT_OFFSET": str(offset)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        lines: list[str] = []
        for line in run.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("ready: "):
                break
        assert lines[-1] == f"ready: http://127.0.0.1:{8080 + offset}/swagger-ui.html"

        described = json.loads((tmp_path / "stack.json").read_text())
        semester = httpx.get(f"{described['canvas']}/_sandbox/state").json()
        due = sorted(
            (assignment["due_at"].removesuffix("Z"), course["name"], assignment["name"])
            for course in semester["courses"]
            for assignment in course["assignments"]
            if assignment["due_at"] and course["name"]
        )
        token_mode = stat.S_IMODE((tmp_path / "demo-token").stat().st_mode)
        identities = [ProcessIdentity.of(pid) for pid in described["pids"].values()]

        run.send_signal(signal.SIGINT)
        assert run.stdout.read() == "stopped\n"

    planner = [tuple(line.split("  ", 2)) for line in lines if line[:2] == "20"]
    assert planner == due
    assert token_mode == 0o600
    assert run.returncode == 0
    assert not any(identity and identity.is_running() for identity in identities)
    assert not (tmp_path / "stack.json").exists()
