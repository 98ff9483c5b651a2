"""`python -m local_stack.backups back-up|restore [FOLDER]`: of the running local stack, or of `--server`."""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from local_stack.backups.manifest import Manifest
from local_stack.backups.service import back_up, restore
from local_stack.errors import StackError
from local_stack.processes import DATABASES
from local_stack.progress import say
from local_stack.state_directory import StateDirectory, read_json


def main() -> int:
    """Do what the command line asks; a failure ends with one `error:` line."""
    parser = argparse.ArgumentParser(prog="python -m local_stack.backups", description=__doc__)
    parser.add_argument("command", choices=["back-up", "restore"])
    parser.add_argument(
        "folder", nargs="?", type=Path, help="default: one named by the time, or the newest"
    )
    parser.add_argument(
        "--server", help="mysql://user:password@host:port; default: the running stack's"
    )
    arguments = parser.parse_args()
    directory = StateDirectory.selected()
    try:
        server = arguments.server or _server_of_the_stack(directory)
        backups = directory.path / "backups"
        started = time.monotonic()
        if arguments.command == "back-up":
            folder = arguments.folder or backups / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            _report("backed up", folder, back_up(server, list(DATABASES.values()), folder), started)
        else:
            folder = arguments.folder or _newest(backups)
            _report("restored and compared", folder, restore(folder, server), started)
    except StackError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


def _server_of_the_stack(directory: StateDirectory) -> str:
    described = read_json(directory.stack_file)
    if described is None:
        raise StackError("nothing runs: start the system with `make up`, or name a --server")
    mysql = described["mysql"]
    credentials = f"{quote(mysql['user'])}:{quote(mysql['password'])}"
    return f"mysql://{credentials}@{mysql['host']}:{mysql['port']}"


def _newest(backups: Path) -> Path:
    found = sorted(backups.glob("*/manifest.json"))
    if not found:
        raise StackError(f"there is no backup in {backups}: make one with `make backup`")
    return found[-1].parent


def _report(done: str, folder: Path, manifest: Manifest, started: float) -> None:
    rows = sum(table.rows for table in manifest.tables)
    seconds = time.monotonic() - started
    say(
        f"{done} {len(manifest.tables)} tables, {rows} rows in {seconds:.1f} s,"
        f" as of {manifest.taken_at}: {folder}"
    )


if __name__ == "__main__":
    sys.exit(main())
