"""An ECS that runs no task and says what it was asked for."""

from typing import Any


class FakeECS:
    """Answers as ECS does for a task that is seen running twice and then stops."""

    def __init__(self, exit_code: int | None = 0, *, is_startable: bool = True) -> None:
        self.exit_code = exit_code
        self.is_startable = is_startable
        self.started: list[dict[str, Any]] = []
        self.looks = 0

    def run_task(self, **arguments: Any) -> dict[str, Any]:
        self.started.append(arguments)
        if not self.is_startable:
            return {"tasks": [], "failures": [{"reason": "RESOURCE:FARGATE"}]}
        return {"tasks": [{"taskArn": "arn:task"}], "failures": []}

    def describe_tasks(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        status = "STOPPED" if self.looks > 2 else "RUNNING"
        container = {} if self.exit_code is None else {"exitCode": self.exit_code}
        return {"tasks": [{"lastStatus": status, "containers": [container]}]}
