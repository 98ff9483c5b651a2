"""Runs the linters of images, workflows and templates, which have a virtual environment of their own."""

import subprocess
from pathlib import Path

LINTERS = Path(".venv-linters/bin").absolute()
"""Apart from the environment that runs the tests, for checkov pins an older botocore."""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a linter; its messages are in `communicate()[0]`.

    Raises:
        FileNotFoundError: It is not installed.
    """
    path = LINTERS / program
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `make .venv-linters/.installed`")
    return subprocess.Popen(
        [str(path), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def findings(program: str, *arguments: str) -> str:
    """Run a linter and return what it complains about, nothing when it is content."""
    process = start(program, *arguments)
    output = process.communicate()[0]
    return output or "no message" if process.returncode else ""
