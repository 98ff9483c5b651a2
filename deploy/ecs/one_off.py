"""Runs a task once and waits for its end: the database's users, migrations, a replay of dead letters."""

import time
from dataclasses import dataclass
from typing import Any

from deploy.ecs.stacks import DeploymentFailed, outputs

TASKS = (
    "database-users",
    "user-service-migrate",
    "course-service-migrate",
    "schedule-service-migrate",
    "dead-letters",
)
MIGRATIONS = TASKS[1:4]

POLL_SECONDS = 3.0

LONGEST_SECONDS = 3600
"""A migration of a large table may take its time under traffic (D-06); an hour says that it hangs."""


@dataclass(frozen=True)
class Place:
    """Where one-off tasks run: in the private subnets, with a way to the database and nothing in."""

    cluster: str
    subnets: list[str]
    security_groups: list[str]


def place(cloudformation: Any) -> Place:
    """Return where the network has room for one-off tasks."""
    network = outputs(cloudformation, "unisync-network")
    return Place(
        cluster=network["ClusterName"],
        subnets=[network["PrivateSubnetAId"], network["PrivateSubnetBId"]],
        security_groups=[network["WorkersGroupId"], network["DatabaseClientsGroupId"]],
    )


def run(
    ecs: Any,
    where: Place,
    task: str,
    *,
    command: list[str] | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Run a task from its newest definition and return when it has ended well.

    Args:
        ecs: A botocore client.
        where: Cluster and network.
        task: One of `TASKS`.
        command: What it runs instead of its own command, in exec form.
        poll_seconds: Pause between two looks.

    Raises:
        DeploymentFailed: It did not start, did not end in time, or ended with another code than 0.
    """
    started = ecs.run_task(
        cluster=where.cluster,
        taskDefinition=f"unisync-{task}",
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": where.subnets,
                "securityGroups": where.security_groups,
                "assignPublicIp": "DISABLED",
            }
        },
        overrides={
            "containerOverrides": [{"name": task.replace("-", "_"), "command": command}]
            if command
            else []
        },
    )
    if not started["tasks"]:
        reasons = ", ".join(failure.get("reason", "?") for failure in started["failures"])
        raise DeploymentFailed(f"{task} was not started: {reasons}")
    arn = started["tasks"][0]["taskArn"]
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        described = ecs.describe_tasks(cluster=where.cluster, tasks=[arn])["tasks"][0]
        if described["lastStatus"] == "STOPPED":
            codes = [container.get("exitCode") for container in described["containers"]]
            if codes != [0]:
                reason = described.get("stoppedReason", "no reason given")
                raise DeploymentFailed(
                    f"{task} ended with {codes} ({reason}): see the log group /unisync/{task}"
                )
            return
        time.sleep(poll_seconds)
    raise DeploymentFailed(f"{task} still runs after {LONGEST_SECONDS} s: {arn}")
