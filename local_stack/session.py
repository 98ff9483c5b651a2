"""Gives a test session or a benchmark a whole stack of its own, beside any other that runs."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_stack.errors import StackError
from local_stack.ports import free_port_offset
from local_stack.processes import ports
from local_stack.state_directory import REPOSITORY, SETTING, StateDirectory, read_json


@contextmanager
def running_stack(
    directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Start a stack on free ports and yield its `stack.json`; end it and all its processes afterwards.

    Args:
        directory: Its state directory, empty.
        settings: Environment variables that the stack passes through, such as `VISIBILITY_SECONDS`.

    Raises:
        StackError: It did not start; the message says what is missing.
    """
    environment = {
        **os.environ,
        **(settings or {}),
        SETTING: str(directory),
        "PORT_OFFSET": str(free_port_offset(port for _, port in ports())),
    }

    def command(name: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "local_stack", name],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    started = command("up")
    try:
        described = read_json(StateDirectory(directory).stack_file)
        if started.returncode != 0 or described is None:
            raise StackError(started.stderr.strip().removeprefix("error: "))
        yield described
    finally:
        command("down")
