"""One-off tasks end well, or the deployment stops and says why."""

import pytest

from deploy.ecs.one_off import Place, run
from deploy.ecs.stacks import DeploymentFailed
from deploy.ecs.tests.doubles import FakeECS

PLACE = Place("unisync", ["subnet-1"], ["sg-1"])


def test_a_task_is_waited_for() -> None:
    ecs = FakeECS()

    run(ecs, PLACE, "user-service-migrate", poll_seconds=0)

    assert ecs.looks == 3
    assert [s["taskDefinition"] for s in ecs.started] == ["unisync-user-service-migrate"]


@pytest.mark.parametrize("exit_code", [1, 78, 137, None])
def test_a_task_that_ends_otherwise_stops_the_deployment(exit_code: int | None) -> None:
    """D-06: services do not change after a migration that failed."""
    with pytest.raises(DeploymentFailed, match="/unisync/user-service-migrate"):
        run(FakeECS(exit_code), PLACE, "user-service-migrate", poll_seconds=0)


def test_a_task_that_cannot_start_stops_the_deployment() -> None:
    with pytest.raises(DeploymentFailed, match="RESOURCE:FARGATE"):
        run(FakeECS(is_startable=False), PLACE, "database-users", poll_seconds=0)


def test_a_task_can_be_given_another_command() -> None:
    ecs = FakeECS()
    replay = ["python", "-m", "shared.messaging", "dlq", "replay", "--all"]

    run(ecs, PLACE, "dead-letters", command=replay, poll_seconds=0)

    overrides = ecs.started[0]["overrides"]["containerOverrides"]
    assert overrides == [{"name": "dead_letters", "command": replay}]
