import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.errors import StackError
from local_stack.state_directory import REPOSITORY, StateDirectory, read_json, write_private


def test_a_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text("old")
    with path.open() as reader:
        write_private(path, "new")

        assert reader.read() == "old"

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_absent_file_reads_as_nothing(tmp_path: Path) -> None:
    assert read_json(tmp_path / "stack.json") is None


def test_only_one_stack_runs_in_a_directory(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from local_stack.state_directory import StateDirectory\n"
            "StateDirectory(Path(sys.argv[1])).lock(); print('locked', flush=True); time.sleep(60)",
            str(tmp_path),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"

        with pytest.raises(StackError, match=r"already runs .* stop it with `make down`"):
            StateDirectory(tmp_path).lock()

        holder.kill()
    StateDirectory(tmp_path).lock()


def test_a_start_finds_nothing_of_the_last_one_but_its_build_cache(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    kept = (tmp_path / "build" / "wheel", directory.log_of("supervisor"))
    left = (
        directory.mysql / "data",
        directory.aws / "state",
        directory.log_of("gateway"),
        directory.stack_file,
        directory.token_file,
    )
    for path in (*kept, *left):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    directory.clear()

    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in left)


def test_the_environment_selects_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNISYNC_STATE_DIR", str(tmp_path))

    assert StateDirectory.selected().stack_file == tmp_path / "stack.json"
