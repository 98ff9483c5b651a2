"""The zip that AWS Lambda gets."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambdas.package import build


@pytest.fixture(scope="module", params=["canvas_sync", "llm_analysis"])
def function(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def package(function: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(function, tmp_path_factory.mktemp("package") / f"{function}.zip")


def test_packing_twice_gives_the_same_bytes(function: str, package: Path, tmp_path: Path) -> None:
    again = build(function, tmp_path / "again.zip")

    assert again.read_bytes() == package.read_bytes()


def test_the_package_is_within_what_lambda_accepts(package: Path) -> None:
    """50 MB zipped, 250 MB unzipped: AWS Lambda quotas, deployment package size."""
    with zipfile.ZipFile(package) as archive:
        unzipped = sum(entry.file_size for entry in archive.infolist())

    assert package.stat().st_size < 50_000_000
    assert unzipped < 250_000_000


def test_the_package_has_no_tests_and_no_compiled_files(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()

    assert not [name for name in names if "/tests/" in name or "__pycache__" in name]


def test_the_handler_imports_from_the_package_alone(
    function: str, package: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    settings = {
        "USER_SERVICE_URL": "http://127.0.0.1:1",
        "COURSE_SERVICE_URL": "http://127.0.0.1:1",
        "SCHEDULE_SERVICE_URL": "http://127.0.0.1:1",
        "CANVAS_API_BASE_URL": "http://127.0.0.1:1/api/v1",
        "CANVAS_SYNC_API_KEY": "key",
        "ENVIRONMENT": "local",
        "AWS_REGION": "ap-northeast-2",
    }

    # -I leaves out this checkout, -S this environment's packages.
    imported = subprocess.run(
        [
            sys.executable,
            "-ISc",
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            f"import handler, lambdas.{function}.handler as door\n"
            "import aiobotocore.session\n"
            "print(handler.lambda_handler is door.lambda_handler, aiobotocore.session.__file__)",
            str(tmp_path),
        ],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
    )

    assert imported.stderr == ""
    assert imported.stdout.startswith(f"True {tmp_path}")
