"""What an operator copies at three in the morning exists: calls of AWS, commands of ours, log groups, sections."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from deploy.ecs.alarms import FUNCTIONS, KINDS
from deploy.ecs.one_off import TASKS
from deploy.ecs.processes import PROCESSES, SECRETS

FILES = [Path("docs/runbook.md"), Path("deploy/ecs/README.md")]
RUNBOOK = FILES[0].read_text(encoding="utf-8")

OF_THE_COMMAND_LINE = {"query", "output", "cli-binary-format"}
"""Options that every command has."""

CUSTOM = {
    ("logs", "tail"): {"since", "format", "filter-pattern"},
    ("s3", "cp"): set[str](),
    ("ecr", "get-login-password"): set[str](),
    ("sns", "subscribe"): {"topic-arn", "protocol", "notification-endpoint"},
}
"""Commands that the command line adds to the API's, or names otherwise."""


@pytest.fixture(scope="module")
def session() -> Any:
    return botocore.session.get_session()


def lines(text: str) -> Iterator[str]:
    """Yield lines of code, and pieces of it between backticks; a piece may run over a line's end."""
    joined = text.replace("\\\n", " ")
    yield from re.findall(r"^ {4,}(.+)$", joined, re.MULTILINE)
    yield from (" ".join(piece.split()) for piece in re.findall(r"`([^`]+)`", joined))


def commands(text: str) -> set[tuple[str, str, frozenset[str]]]:
    """Return each `aws <service> <operation>` with its options; one in `$(...)` is a command of its own."""
    found = set()
    for line in lines(text):
        parts, rest = [], line
        while nested := re.search(r"\$\(([^()]*)\)", rest):
            parts.append(nested[1])
            rest = rest.replace(nested[0], "RESULT")
        for part in [*parts, *re.split(r"\||;|&&", rest)]:
            command = re.search(
                r"\baws ([a-z][\w-]+) ([a-z][\w-]+)(.*)", re.sub(r"'[^']*'", "''", part)
            )
            if command:
                options = frozenset(re.findall(r"(?<=\s)--([a-z][\w-]*)", command[3]))
                found.add((command[1], command[2], options - OF_THE_COMMAND_LINE))
    return found


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_call_of_aws_is_one_that_the_api_has(session: Any, file: Path) -> None:
    unknown = []
    for service, name, options in sorted(
        commands(file.read_text(encoding="utf-8")), key=lambda command: command[:2]
    ):
        if (service, name) in CUSTOM:
            known = CUSTOM[service, name]
        elif name == "wait":
            known = set(options)
        else:
            model = session.get_service_model(service)
            operations = {xform_name(each, "-"): each for each in model.operation_names}
            if name not in operations:
                unknown.append(f"{service} {name}")
                continue
            members = model.operation_model(operations[name]).input_shape.members
            known = {xform_name(member, "-") for member in members}
            known |= {f"no-{member}" for member in known}
        unknown += [f"{service} {name} --{option}" for option in sorted(options - known)]

    assert unknown == []


def test_every_one_off_task_exists() -> None:
    named = set(re.findall(r"deploy\.ecs task ([a-z-]+)", RUNBOOK))

    assert {"dead-letters", "database-users"} <= named <= set(TASKS)


def test_every_log_group_exists() -> None:
    existing = {p.host_name for p in PROCESSES} | set(FUNCTIONS) | set(TASKS)

    assert set(re.findall(r"(?<![\w/])/unisync/([a-z][a-z-]*)", RUNBOOK)) <= existing


def test_every_secret_has_its_way_of_rotation() -> None:
    """I-05"""
    rows = set(re.findall(r"^\| `unisync/([\w-]+)` \|", RUNBOOK, re.MULTILINE))

    assert rows == set(SECRETS)


def test_every_alarm_is_in_the_table_of_who_is_paged() -> None:
    """O-07"""
    rows = re.findall(r"^\| (P\d) \|.*", RUNBOOK, re.MULTILINE)
    table = {line[2:4]: line for line in RUNBOOK.splitlines() if re.match(r"\| P\d \|", line)}

    assert rows == ["P0", "P1", "P2", "P3"]
    assert [k.section for k in KINDS if f"(#{k.section})" not in table[k.priority]] == []
