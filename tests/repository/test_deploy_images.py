"""Images can only be linted here: there is no Docker engine. These tests hold what can be read from the files."""

import json
import re
import subprocess
import sys
from pathlib import Path, PurePath

import pytest

from deploy.installed_packages import delete_the_rest, is_needed
from local_stack.processes import SERVICES
from shared.web import liveness
from tests.repository.linters import findings

SERVICE_FILES = sorted(Path("services").glob("*/Dockerfile"))
FUNCTION_FILES = sorted(Path("lambdas").glob("*/Dockerfile"))
LOCAL_FILES = [Path("local_stack/Dockerfile"), Path("local_stack/emulator.Dockerfile")]
OTHER_FILES = sorted(Path("deploy").rglob("Dockerfile"))
ALL_FILES = [*SERVICE_FILES, *FUNCTION_FILES, *LOCAL_FILES, *OTHER_FILES]
OWN_FILES = [*SERVICE_FILES, *FUNCTION_FILES, *OTHER_FILES]


def instructions(file: Path) -> list[tuple[str, str]]:
    """Return the file's instructions with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name]


def arguments(file: Path, instruction: str) -> list[str]:
    return [rest for name, rest in instructions(file) if name == instruction]


def test_every_service_and_function_has_an_image() -> None:
    assert {f.parent.name for f in SERVICE_FILES} == {s.module.split(".")[1] for s in SERVICES}
    assert {f.parent.name for f in FUNCTION_FILES} == {
        f.parent.name for f in Path("lambdas").glob("*/handler.py")
    }


def test_the_linter_is_content() -> None:
    """I-02: hadolint with its default rules."""
    assert findings("hadolint", "--no-color", *map(str, ALL_FILES)) == ""


@pytest.mark.parametrize("file", ALL_FILES, ids=str)
def test_the_base_is_pinned(file: Path) -> None:
    """I-02: by digest, or by the exact version where no digest could be had."""
    for base in arguments(file, "FROM"):
        exact_function_base = r"public\.ecr\.aws/lambda/python:3\.11\.\d{4}(\.\d\d){3}"
        assert re.match(rf"(\S+@sha256:[0-9a-f]{{64}}|{exact_function_base})( |$)", base)


@pytest.mark.parametrize("file", OWN_FILES, ids=str)
def test_only_the_last_stage_ships(file: Path) -> None:
    """I-02: what builds is not in what runs."""
    stages = arguments(file, "FROM")

    assert len(stages) == 2
    assert stages[0].endswith(" AS build")


@pytest.mark.parametrize("file", ALL_FILES, ids=str)
def test_it_runs_as_a_plain_user_by_an_exec_form_command(file: Path) -> None:
    """I-02: a shell as process 1 would keep SIGTERM for itself."""
    assert re.fullmatch(r"10001(:10001)?", arguments(file, "USER")[-1])
    assert json.loads(arguments(file, "CMD")[-1])
    assert [name for name, _ in instructions(file)].index("USER") > 0


@pytest.mark.parametrize("file", ALL_FILES, ids=str)
def test_no_secret_is_inside(file: Path) -> None:
    """I-02: settings and secrets come from the platform when a task starts."""
    given = " ".join(arguments(file, "ENV") + arguments(file, "ARG"))

    assert not re.search(r"KEY|SECRET|PASSWORD|TOKEN|DATABASE_URL", given)


@pytest.mark.parametrize("files", [SERVICE_FILES, FUNCTION_FILES], ids=["services", "functions"])
def test_files_of_a_kind_differ_in_names_and_ports_only(files: list[Path]) -> None:
    """Docker has no include: a base image of our own would be one more to build, pin and push before the others."""

    def neutral(file: Path) -> list[tuple[str, str]]:
        name = file.parent.name
        return [
            (instruction, re.sub(r"\b[89]08[0-3]\b", "PORT", rest.replace(name, "NAME")))
            for instruction, rest in instructions(file)
        ]

    first = neutral(files[0])
    assert [str(f) for f in files if neutral(f) != first] == []


@pytest.mark.parametrize("service", [s for s in SERVICES if s.port], ids=lambda s: s.name)
def test_an_image_starts_the_service_on_its_ports(service: object) -> None:
    file = Path("services", service.module.split(".")[1], "Dockerfile")
    environment = arguments(file, "ENV")[-1]

    assert json.loads(arguments(file, "CMD")[-1]) == ["python", "-m", service.module]
    assert f"PORT={service.port} MANAGEMENT_PORT={service.management_port}" in environment


@pytest.mark.parametrize("file", SERVICE_FILES, ids=str)
def test_the_health_check_asks_for_liveness_without_a_shell(file: Path) -> None:
    """O-05: a lost database must not replace every task, so readiness is left to load balancers."""
    check = arguments(file, "HEALTHCHECK")[-1].partition("CMD ")[2]

    assert json.loads(check) == ["python", "-m", liveness.__name__]


def test_every_file_that_is_copied_reaches_the_build(tmp_path: Path) -> None:
    """`.dockerignore` lets in what the Dockerfiles copy, and no tests."""
    ignored = Path(".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for file in ALL_FILES
        for rest in arguments(file, "COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }

    assert ignored[0] == "*"
    assert "**/tests" in ignored
    for source in copied:
        assert Path(source).exists(), source
        parts = {source, *(str(parent) for parent in PurePath(source).parents)}
        assert parts & let_in or any(entry.startswith(f"{source}/") for entry in let_in), source


def test_what_no_process_opens_is_deleted(tmp_path: Path) -> None:
    kept = ["a/fast.so", "a/module.py", "botocore/data/sqs/2012-11-05/service-2.json.gz"]
    deleted = ["a/fast.c", "a/tests/test_a.py", "botocore/data/ec2/2016-11-15/service-2.json.gz"]
    for name in kept + deleted:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")

    size_bytes = delete_the_rest(tmp_path)

    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == kept
    assert size_bytes == len(kept)


def test_every_service_imports_from_what_is_kept() -> None:
    """The process is told to find no file that the image lacks, compiled modules and API models included."""
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print('\\n'.join(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)))"
    )
    modules = [f"{s.module}.main" if s.port else s.module for s in SERVICES]
    found = subprocess.run(
        [sys.executable, "-c", program, *modules], capture_output=True, text=True, check=True
    )
    installed = [
        PurePath(line.partition("site-packages/")[2])
        for line in found.stdout.splitlines()
        if "site-packages/" in line
    ]

    assert len(installed) > 500
    assert [str(path) for path in installed if not is_needed(path)] == []
