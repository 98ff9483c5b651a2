"""Packs a function for AWS Lambda: `python -m lambdas.package canvas_sync -o canvas-sync.zip`."""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from deploy.installed_packages import is_needed

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD_CACHE = REPOSITORY / ".local" / "build"

LAMBDA_PYTHON = "3.11"
"""The function's runtime; wheels for another platform are chosen for it."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold: every entry gets it, so that equal contents make equal files."""

LOCKS = {"llm_analysis": "requirements-canvas-sync.txt"}
"""Functions that need no other packages than another one; the rest have locks of their own names."""

COMPRESSION = 1
"""Half the time of the usual 6 for a zip that is an eighth larger, far below Lambda's 50 MB."""


def build(function: str, output: Path, platform: str | None = None) -> Path:
    """Write the function's zip, byte for byte the same for the same sources and lock.

    The zip holds `handler.py`, the function's own package, `shared` and the locked dependencies.

    Args:
        function: Name of a package in `lambdas/` with a `requirements-<name>.txt` or another one in `LOCKS`.
        output: Where to write; replaced whole.
        platform: pip's name of the target, such as `manylinux2014_x86_64`; this machine when absent.

    Raises:
        subprocess.CalledProcessError: pip could not install the dependencies.
    """
    name = LOCKS.get(function, f"requirements-{function.replace('_', '-')}.txt")
    lock = REPOSITORY / name
    contents: dict[str, bytes] = {
        "handler.py": (
            f'"""The door that AWS Lambda opens."""\n\n'
            f"from lambdas.{function}.handler import lambda_handler\n\n"
            f'__all__ = ["lambda_handler"]\n'
        ).encode(),
        "lambdas/__init__.py": (REPOSITORY / "lambdas" / "__init__.py").read_bytes(),
    }
    for package in (REPOSITORY / "lambdas" / function, REPOSITORY / "shared"):
        for path in _kept_files(package):
            contents[path.relative_to(REPOSITORY).as_posix()] = path.read_bytes()
    dependencies = _installed(lock, platform)
    for path in _kept_files(dependencies):
        contents[path.relative_to(dependencies).as_posix()] = path.read_bytes()

    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, contents[name], compresslevel=COMPRESSION)
    return unfinished.replace(output)


def _kept_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_needed(path.relative_to(folder)):
            yield path


def _installed(lock: Path, platform: str | None) -> Path:
    """Return a folder with the locked dependencies, installed once per lock, Python and platform."""
    python = LAMBDA_PYTHON if platform else f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(lock.read_bytes() + f"{python} {platform}".encode()).hexdigest()[:16]
    folder = BUILD_CACHE / key
    if folder.exists():
        return folder
    BUILD_CACHE.mkdir(parents=True, exist_ok=True)
    for_platform = (
        ["--platform", platform, "--python-version", python, "--only-binary=:all:"]
        if platform
        else []
    )
    with tempfile.TemporaryDirectory(dir=BUILD_CACHE) as workspace:
        unfinished = Path(workspace) / "site"
        pip_install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input"]
        subprocess.run(  # noqa: S603 - pip of this very environment
            [
                *pip_install,
                "--disable-pip-version-check",
                "--no-compile",
                "--no-deps",
                "--require-hashes",
                *for_platform,
                f"--target={unfinished}",
                f"--requirement={lock}",
            ],
            check=True,
        )
        # Another build may have been faster; its folder is as good.
        if not folder.exists():
            unfinished.rename(folder)
    return folder


def main() -> None:
    """Build the zip that the command line asks for and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m lambdas.package", description=__doc__)
    parser.add_argument("function", help="a package in lambdas/, such as canvas_sync")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--platform", help="such as manylinux2014_x86_64 for AWS on x86")
    arguments = parser.parse_args()
    try:
        output = build(arguments.function, arguments.output, arguments.platform)
    except (OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"error: {arguments.function} cannot be packed: {problem}")
    size_mib = output.stat().st_size / 2**20
    print(f"{output}: {size_mib:.1f} MiB")  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main()
