"""The tree keeps its own rules."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

PACKAGES = ("services", "lambdas", "shared", "local_stack", "benchmarks", "deploy")
BANNED_NAMES = {"utils", "helpers", "common", "misc", "manager", "processor", "data", "info"}
SOURCES = [
    path
    for package in PACKAGES
    for path in Path(package).rglob("*.py")
    if "tests" not in path.parts
]
MODULES = [path for path in SOURCES if "versions" not in path.parts]


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True)
    return [Path(name) for name in listing.stdout.split("\0") if name and Path(name).is_file()]


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {part for path in SOURCES for part in path.with_suffix("").parts}

    assert not names & BANNED_NAMES


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "__init__.py"], ids=str)
def test_a_package_says_what_it_owns_and_imports_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}

    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_every_service_has_the_same_headings_in_its_readme() -> None:
    headings = ["Owns", "API", "Events out", "Events in", "Settings", "Run it alone"]
    readmes = [*Path("services").glob("*/README.md"), *Path("lambdas").glob("*/README.md")]
    found = {
        readme: re.findall(r"^## (.+)$", readme.read_text(encoding="utf-8"), re.MULTILINE)
        for readme in readmes
    }

    assert len(found) >= 5
    assert {readme: list(titles) for readme, titles in found.items() if titles != headings} == {}


def test_locks_have_hashes_and_name_no_host() -> None:
    """I-01"""
    locks = [*Path().glob("requirements*.txt")]

    assert len(locks) >= 5
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^[\w.\[\]-]+==.*\n.*", text, re.MULTILINE)
        assert len(pins) > 5
        assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("starlette", (1, 3, 1)),
        ("h11", (0, 16)),
        ("python-multipart", (0, 0, 26)),
        ("python-jose", (3, 4)),
        ("pyjwt", (2, 12)),
    ],
)
def test_no_dependency_is_below_its_known_safe_version(name: str, floor: tuple[int, ...]) -> None:
    """I-01, J-07: in any lock; a package that no lock has cannot be below."""
    found = {
        lock: tuple(int(part) for part in version.split("."))
        for lock in Path().glob("requirements*.txt")
        for version in re.findall(
            rf"^{name}(?:\[\w+\])?==([\d.]+)", lock.read_text(encoding="utf-8"), re.MULTILINE
        )
    }

    assert found or name in {"python-multipart", "pyjwt"}
    assert {lock: version for lock, version in found.items() if version < floor} == {}


def test_nothing_generated_or_secret_is_tracked() -> None:
    """I-05"""
    names = {path.name for path in tracked_files()}

    assert not names & {"uv.lock", "pylock.toml", ".env", "stack.json", "demo-token"}
    private_keys = [
        path
        for path in tracked_files()
        if b"PRIVATE KEY" + b"-----" in path.read_bytes() and path.suffix not in {".py", ".md"}
    ]
    assert private_keys == []


def test_every_guard_that_the_invariants_name_exists() -> None:
    text = Path("docs/invariants.md").read_text(encoding="utf-8")
    guards = re.findall(r"`([\w/]+\.py)::(\w+)`", text)

    assert len(guards) >= 10
    missing = [
        f"{path}::{test}"
        for path, test in guards
        if not Path(path).is_file() or f"def {test}(" not in Path(path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_no_dependency_of_a_door_runs_in_a_thread() -> None:
    """FastAPI hands plain functions to a thread pool, which cost most of a list's time."""
    plain = [
        f"{path}::{node.name}"
        for path in MODULES
        if path.name in {"dependencies.py", "router.py"}
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any("Request" in ast.dump(a.annotation) for a in node.args.args if a.annotation)
    ]

    assert plain == []
