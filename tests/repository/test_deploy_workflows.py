"""Workflows can only be linted here; their commands are ours, and those are tested elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.ecs.stacks import read_template
from tests.repository.linters import findings

WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))


def test_workflows_meet_githubs_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema"]
    check = subprocess.run(
        [*command, "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert check.returncode == 0, check.stdout


def test_the_security_linter_is_content() -> None:
    """I-05: pinned actions, no credentials left behind, no input in a shell's text."""
    assert findings("zizmor", "--offline", "--no-progress", "--quiet", *map(str, WORKFLOWS)) == ""


def test_no_workflow_holds_a_key_of_aws() -> None:
    """I-05: the runner becomes a role by GitHub's identity provider."""
    for workflow in WORKFLOWS:
        text = workflow.read_text(encoding="utf-8")
        assert "secrets." not in text, workflow
        assert "AKIA" not in text, workflow


def test_what_a_workflow_runs_exists() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    modules = set(re.findall(r"python -m (deploy[\w.]*)", text))
    targets = set(re.findall(r"\bmake ([a-z]+)", text))
    makefile = Path("Makefile").read_text(encoding="utf-8")

    assert modules == {"deploy.ecs", "deploy.ecs.smoke_test"}
    assert Path("deploy/ecs/push-images").stat().st_mode & 0o100
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.M)] == []


def test_every_image_is_pushed_into_a_repository_that_exists() -> None:
    pushed = dict(
        re.findall(r"^push (\S+) (\S+)$", Path("deploy/ecs/push-images").read_text(), re.M)
    )
    repositories = {
        resource["Properties"]["RepositoryName"].removeprefix("unisync/")
        for resource in read_template("foundation")["Resources"].values()
        if resource["Type"] == "AWS::ECR::Repository"
    }
    built = yaml.safe_load(Path(".github/workflows/check.yml").read_text(encoding="utf-8"))
    matrix = built["jobs"]["images"]["strategy"]["matrix"]["dockerfile"]

    assert set(pushed) == repositories
    assert sorted(pushed.values()) == sorted(matrix)
    assert all(Path(dockerfile).is_file() for dockerfile in matrix)


def test_an_audit_that_can_look_nothing_up_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """I-01: without its service the check must not report success."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    recipe = re.search(r"pip-audit (.+) -r \$\$lock", Path("Makefile").read_text(encoding="utf-8"))
    assert recipe is not None

    output = findings("pip-audit", *recipe[1].split(), "-r", "requirements-canvas-sync.txt")

    assert "No known vulnerabilities found" not in output
    assert output != ""
