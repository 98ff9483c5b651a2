"""Starts child processes that do not outlive their parent, and recognises a process again by pid and start time."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""

_libc = ctypes.CDLL(None)
"""Loaded before any fork: a child of a multi-threaded parent should not load libraries."""


def end_with_parent() -> Callable[[], None]:
    """Return a `preexec_fn` after which the kernel ends the child when this process dies, even by SIGKILL.

    The signal is SIGTERM, so that a child with children of its own can end them.
    """
    parent = os.getpid()

    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that can be told from a later one with the same pid."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """Return the identity of a running process, or nothing when it has ended."""
        start_ticks = _start_ticks(pid)
        return None if start_ticks is None else cls(pid, start_ticks)

    def is_running(self) -> bool:
        """Tell whether this very process still runs."""
        return _start_ticks(self.pid) == self.start_ticks

    def end(self, *, patience_seconds: float) -> None:
        """Ask the process to end, and kill it when it has not done so in time, with all of its own group."""
        if not self.is_running():
            return
        leads_a_group = os.getpgid(self.pid) == self.pid
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + patience_seconds
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            if leads_a_group:
                os.killpg(self.pid, signal.SIGKILL)
            elif self.is_running():
                os.kill(self.pid, signal.SIGKILL)
        while self.is_running():
            time.sleep(0.05)


def _start_ticks(pid: int) -> int | None:
    """Read field 22 of /proc/<pid>/stat (proc(5)); zombies count as ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the command in parentheses, which may hold anything.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])
