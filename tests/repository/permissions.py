"""Reads what deployed roles may do, and writes it as the table of deploy/ecs/permissions.md."""

import json
import re
from typing import Any
from urllib.parse import unquote

Permissions = set[tuple[str, str, str]]
"""Role, resource, action."""


def granted(iam: Any) -> Permissions:
    """Return every permission that the account's own roles have by their own policies."""
    found: Permissions = set()
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            name = role["RoleName"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                if isinstance(document, str):
                    document = json.loads(unquote(document))
                for statement in document["Statement"]:
                    assert statement["Effect"] == "Allow"
                    found |= {
                        (name, short(resource), action)
                        for resource in _listed(statement["Resource"])
                        for action in _listed(statement["Action"])
                    }
    return found


def short(arn: str) -> str:
    """Return a resource without what differs from account to account."""
    if arn == "*":
        return "*"
    assert arn.count(":") >= 5, arn
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    if service == "secretsmanager":
        resource = re.sub(r"-\w{6}$", "", resource.removeprefix("secret:"))
    if service == "kms":
        resource = "key"
    resource = re.sub(r"^(function|log-group|role|userpool)[:/]", "", resource)
    resource = re.sub(r"^[a-z]{2}-[a-z]+-\d_\w+$", "user-pool", resource).removesuffix(":*")
    return f"{service}:{re.sub(r'unisync-packages-[^/]+', 'unisync-packages', resource)}"


def table(permissions: Permissions) -> str:
    """Return the permissions as rows of Markdown: a role and a resource each."""
    actions: dict[tuple[str, str], set[str]] = {}
    for role, resource, action in permissions:
        actions.setdefault((role, resource), set()).add(action)
    rows = [
        f"| {role} | {resource} | {', '.join(sorted(allowed))} |"
        for (role, resource), allowed in sorted(actions.items())
    ]
    return "\n".join(["| Role | Resource | Actions |", "| --- | --- | --- |", *rows]) + "\n"


def read_table(text: str) -> Permissions:
    """Return the permissions of a Markdown table of that form."""
    return {
        (role, resource, action)
        for role, resource, actions in re.findall(
            r"^\| (unisync-\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE
        )
        for action in actions.split(", ")
    }


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
