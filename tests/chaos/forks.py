"""Starts processes of ours as forks of one that has imported them: a start takes a tenth of the three seconds."""

import asyncio
import importlib
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path

from local_stack.processes import SERVICES


def composition_root(module: str) -> str:
    """Return the module whose `main` runs what `python -m <module>` starts."""
    return module if module.endswith(".worker") else f"{module}.main"


_FORKING = multiprocessing.get_context("forkserver")
# `pytest` as well: a child imports the main module of whoever asks for it.
_FORKING.set_forkserver_preload(
    ["pytest", *(composition_root(service.module) for service in SERVICES), __name__]
)


class Process:
    """One running process, with the few methods of `asyncio.subprocess.Process` that the tests use."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        self._process = _FORKING.Process(
            target=_become, args=(module, dict(environment), str(log)), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait until it has ended; returns its exit code, negative for the signal that killed it."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


def _become(module: str, environment: Mapping[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    importlib.import_module(composition_root(module)).main()
