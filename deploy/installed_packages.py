"""Which files of installed packages a deployable needs; as a program it deletes the others from a folder."""

import sys
from pathlib import Path, PurePath

AWS_APIS = {"bedrock-runtime", "cognito-idp", "lambda", "sqs"}
"""The APIs that are called, whose models botocore keeps; the other four hundred are nine tenths of its size."""

UNUSED_FOLDERS = {"__pycache__", "bin", "testing", "tests"}
SOURCES_OF_COMPILED_MODULES = {".c", ".cpp", ".h", ".pxd", ".pyi", ".pyx"}

NOTES_OF_PIP = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
"""They name paths of the machine that installed, so that equal contents would make unequal packages."""


def is_needed(path: PurePath) -> bool:
    """Tell whether a file is needed to run.

    Args:
        path: The file, relative to the folder that packages are installed into.
    """
    if UNUSED_FOLDERS.intersection(path.parts) or path.name in NOTES_OF_PIP:
        return False
    if path.suffix in SOURCES_OF_COMPILED_MODULES:
        return False
    is_model_of_an_api = path.parts[:2] == ("botocore", "data") and len(path.parts) > 3
    return not is_model_of_an_api or path.parts[2] in AWS_APIS


def delete_the_rest(folder: Path) -> int:
    """Delete every file that is not needed and return the bytes of what is left."""
    size_bytes = 0
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        if is_needed(path.relative_to(folder)):
            size_bytes += path.stat().st_size
        else:
            path.unlink()
    return size_bytes


if __name__ == "__main__":
    size_mib = delete_the_rest(Path(sys.argv[1])) / 2**20
    print(f"{sys.argv[1]}: {size_mib:.1f} MiB")  # noqa: T201 - the program's answer
