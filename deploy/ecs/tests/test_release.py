"""A release changes things in an order in which a failure leaves what runs alone."""

from argparse import Namespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.ecs.__main__ import release
from deploy.ecs.stacks import DeploymentFailed
from deploy.ecs.tests.doubles import FakeECS

NEW, OLD = "a" * 40, "b" * 40
MIGRATIONS = ["user-service-migrate", "course-service-migrate", "schedule-service-migrate"]


class FakeAccount:
    """Records what happens, in order: stacks that are updated and tasks that are run."""

    def __init__(self, exit_code: int = 0) -> None:
        self.happened: list[str] = []
        self.parameters: dict[str, dict[str, str]] = {}
        self.ecs = FakeECS(exit_code)
        self.exceptions = Namespace(ClientError=ClientError)

    def client(self, service: str) -> Any:
        return self.ecs if service == "ecs" else self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        names = (
            "ClusterName",
            "PrivateSubnetAId",
            "PrivateSubnetBId",
            "WorkersGroupId",
            "DatabaseClientsGroupId",
        )
        return {
            "Stacks": [
                {
                    "StackStatus": "UPDATE_COMPLETE",
                    "Parameters": [
                        {"ParameterKey": name} for name in ("ImageTag", "PackageVersion", "Stage")
                    ],
                    "Outputs": [{"OutputKey": name, "OutputValue": name} for name in names],
                }
            ]
        }

    def update_stack(self, **arguments: Any) -> None:
        self.happened += [s["taskDefinition"].removeprefix("unisync-") for s in self.ecs.started]
        self.ecs.started.clear()
        self.happened.append(arguments["StackName"])
        self.parameters[arguments["StackName"]] = {
            p["ParameterKey"]: p.get("ParameterValue", "as before") for p in arguments["Parameters"]
        }


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_schemas_are_migrated_before_anything_that_runs_changes() -> None:
    """D-06"""
    account = FakeAccount()

    release(account.client, NEW)

    assert account.happened == [
        "unisync-migrations",
        *MIGRATIONS,
        "unisync-functions",
        "unisync-services",
    ]
    assert account.parameters["unisync-services"]["ImageTag"] == NEW
    assert account.parameters["unisync-functions"]["PackageVersion"] == NEW
    assert account.parameters["unisync-services"]["Stage"] == "as before"


def test_a_migration_that_fails_changes_nothing_that_runs() -> None:
    """D-06"""
    account = FakeAccount(exit_code=1)

    with pytest.raises(DeploymentFailed):
        release(account.client, NEW)

    assert account.happened == ["unisync-migrations"]


def test_a_rollback_leaves_the_schemas_alone() -> None:
    """O-04"""
    account = FakeAccount()

    release(account.client, OLD, is_rollback=True)

    assert account.happened == ["unisync-functions", "unisync-services"]
    assert account.parameters["unisync-services"]["ImageTag"] == OLD
