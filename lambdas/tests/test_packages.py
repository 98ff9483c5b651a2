"""The functions start with what their zips carry."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder

module, *carried = sys.argv[1:]

class OnlyCarried(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        is_of_python = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if not is_of_python and top.lstrip("_") not in carried:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, OnlyCarried())
import_module(module)
from aiobotocore.session import get_session
"""


@pytest.mark.parametrize("function", ["canvas_sync", "llm_analysis"])
def test_a_handler_starts_with_only_the_packages_that_functions_carry(function: str) -> None:
    """The zip has what `requirements-canvas-sync.txt` names and nothing else."""
    lock = (REPOSITORY / "requirements-canvas-sync.txt").read_text(encoding="utf-8")
    carried = {name.replace("-", "_") for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    carried |= {"attr", "dateutil", "dotenv", "lambdas", "shared"}

    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"lambdas.{function}.handler", *carried],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (finished.returncode, finished.stderr) == (0, "")
