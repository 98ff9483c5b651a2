"""Where the stack keeps what it knows about itself: `.local/`, or `UNISYNC_STATE_DIR`."""

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from local_stack.errors import StackError

REPOSITORY = Path(__file__).resolve().parent.parent
SETTING = "UNISYNC_STATE_DIR"


class StateDirectory:
    """The files of one stack; whoever holds the lock is its supervisor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.mysql = path / "mysql"
        self.aws = path / "aws"
        self.function_package = path / "canvas-sync-lambda.zip"
        self.stack_file = path / "stack.json"
        """What other programs read; there exactly while the stack is ready."""
        self.processes_file = path / "processes.json"
        """What `status` and `down` read: every process, from the moment it starts."""
        self.token_file = path / "demo-token"
        self._lock: int | None = None

    @classmethod
    def selected(cls) -> "StateDirectory":
        """Return the directory that the environment names, `.local` of this clone by default."""
        chosen = os.environ.get(SETTING)
        return cls(Path(chosen).resolve() if chosen else REPOSITORY / ".local")

    def log_of(self, process: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{process}.log"

    def lock(self) -> None:
        """Become the one supervisor of this directory, until this process ends.

        Raises:
            StackError: Another one runs.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise StackError(
                f"a stack of this clone already runs in {self.path}: stop it with `make down`"
            ) from problem

    def clear(self, *, keep_log: str = "supervisor") -> None:
        """Remove everything an earlier stack left, but the log that is being written."""
        for folder in (self.mysql, self.aws):
            shutil.rmtree(folder, ignore_errors=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        kept = self.log_of(keep_log)
        leftovers = [self.stack_file, self.processes_file, self.token_file]
        for path in (*leftovers, *(log for log in self.logs.iterdir() if log != kept)):
            path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by this user only: readers see the old text or the new one."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a file, or nothing when there is no such file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content
