"""The commands as a person or a script meets them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.ports import free_port_offset
from local_stack.processes import ports
from local_stack.state_directory import REPOSITORY


class Shell:
    """Runs commands of the stack in a state directory and on ports of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port_offset = free_port_offset(port for _, port in ports())

    def __call__(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local_stack", *command],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "UNISYNC_STATE_DIR": str(self.directory),
                "PORT_OFFSET": str(self.port_offset),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_taken_port_ends_the_start_and_names_port_and_process(shell: Shell) -> None:
    port = 8082 + shell.port_offset
    with socket.create_server(("127.0.0.1", port)):
        ended = shell("up")

    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].startswith(
        f"error: port {port} for course_service is taken"
    )


def test_without_a_mysql_server_the_start_ends_and_names_the_command(
    shell: Shell, tmp_path: Path
) -> None:
    ended = shell("up", PATH=str(tmp_path), MYSQL_SERVER_URL="")

    assert ended.returncode != 0
    last_line = ended.stderr.splitlines()[-1]
    assert last_line.startswith("error: no MySQL server: run `sudo apt-get")
    assert "mariadb-server-core mariadb-client-core" in last_line


@pytest.mark.parametrize("offset", ["many", "60000"])
def test_an_unusable_port_offset_is_an_error(shell: Shell, offset: str) -> None:
    ended = shell("up", PORT_OFFSET=offset)

    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].startswith(f"error: PORT_OFFSET={offset} ")


def test_stopping_when_nothing_runs_succeeds(shell: Shell) -> None:
    ended = shell("down")

    assert (ended.returncode, ended.stdout) == (0, "nothing runs\n")


def test_status_says_when_nothing_runs(shell: Shell) -> None:
    ended = shell("status")

    assert (ended.returncode, ended.stdout) == (0, "nothing runs\n")


@pytest.mark.parametrize("command", ["token", "logs"])
def test_what_needs_a_running_stack_says_how_to_start_one(shell: Shell, command: str) -> None:
    ended = shell(command)

    assert ended.returncode != 0
    assert "`make up`" in ended.stderr.splitlines()[-1]
