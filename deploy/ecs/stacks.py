"""The stacks in the order in which they are deployed, and how one is created or updated."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TEMPLATES = Path(__file__).parent

POLL_SECONDS = 0.2
SLOW_POLL_SECONDS = 5
"""A stack of queues is done at once, a database takes a quarter of an hour."""


class DeploymentFailed(Exception):
    """A stack or a task ended otherwise than wanted; the message says why."""


@dataclass(frozen=True)
class Stack:
    """One template as deployed: `name` is the file's, the stack's is `unisync-<name>`."""

    name: str
    is_emulated: bool = True
    is_part_of_releases: bool = False

    @property
    def stack_name(self) -> str:
        """The stack's name in the account."""
        return f"unisync-{self.name}"

    @property
    def template(self) -> str:
        """The template's text."""
        return (TEMPLATES / f"{self.name}.yaml").read_text(encoding="utf-8")

    def parameter_names(self) -> set[str]:
        """Return the names of the template's parameters."""
        return set(read_template(self.name).get("Parameters", {}))


# What exists before any code of ours, what runs once before the services change, what runs, and who watches it.
STACKS = (
    Stack("foundation"),
    Stack("network"),
    Stack("egress", is_emulated=False),
    Stack("database"),
    Stack("cache"),
    Stack("identity"),
    Stack("messaging"),
    Stack("migrations", is_part_of_releases=True),
    Stack("functions", is_part_of_releases=True),
    Stack("edge"),
    Stack("services", is_part_of_releases=True),
    Stack("scaling", is_emulated=False),
    Stack("alarms"),
    Stack("rates", is_emulated=False),
    Stack("guards", is_emulated=False),
)


class _PlainLoader(yaml.CSafeLoader):
    """Reads templates without minding CloudFormation's functions."""


def _without_function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]


_PlainLoader.add_multi_constructor("!", _without_function)


def read_template(name: str) -> dict[str, Any]:
    """Return a template as plain data; functions are replaced by their arguments."""
    template: dict[str, Any] = yaml.load(Stack(name).template, Loader=_PlainLoader)  # noqa: S506
    return template


def deploy(
    cloudformation: Any, stack: Stack, parameters: dict[str, str], *, role_arn: str | None = None
) -> str:
    """Create or update a stack, wait for it, and return its status.

    Parameters that are not given keep the value of the last deployment.

    Args:
        cloudformation: A botocore client.
        stack: What to deploy.
        parameters: Values of any stack's parameters; those of other stacks are ignored.
        role_arn: Role that CloudFormation takes on; the caller's own rights without.

    Raises:
        DeploymentFailed: The stack did not reach its wanted state.
    """
    existing = _described(cloudformation, stack)
    given = [
        {"ParameterKey": name, "ParameterValue": parameters[name]}
        if name in parameters
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in sorted(stack.parameter_names())
        if name in parameters or (existing and name in _parameters_of(existing))
    ]
    arguments = {
        "StackName": stack.stack_name,
        "TemplateBody": stack.template,
        "Parameters": given,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        **({"RoleARN": role_arn} if role_arn else {}),
    }
    try:
        if existing:
            cloudformation.update_stack(**arguments)
        else:
            cloudformation.create_stack(**arguments)
    except cloudformation.exceptions.ClientError as problem:
        if "No updates are to be performed" in str(problem) and existing:
            return str(existing["StackStatus"])
        raise DeploymentFailed(f"{stack.stack_name}: {problem}") from problem
    return _finished(cloudformation, stack)


def outputs(cloudformation: Any, stack_name: str) -> dict[str, str]:
    """Return a stack's outputs by name."""
    described = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    return {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}


def _described(cloudformation: Any, stack: Stack) -> dict[str, Any] | None:
    try:
        answer = cloudformation.describe_stacks(StackName=stack.stack_name)
    except cloudformation.exceptions.ClientError as problem:
        if "does not exist" in str(problem):
            return None
        raise
    described: dict[str, Any] = answer["Stacks"][0]
    return described


def _parameters_of(described: dict[str, Any]) -> set[str]:
    return {parameter["ParameterKey"] for parameter in described.get("Parameters", [])}


def _finished(cloudformation: Any, stack: Stack) -> str:
    waited_seconds = 0.0
    while True:
        described = _described(cloudformation, stack)
        if described is None:
            raise DeploymentFailed(f"{stack.stack_name} has vanished")
        status = str(described["StackStatus"])
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return status
        if not status.endswith("_IN_PROGRESS"):
            raise DeploymentFailed(
                f"{stack.stack_name} is {status}: {_reason(cloudformation, stack)}"
            )
        pause = POLL_SECONDS if waited_seconds < SLOW_POLL_SECONDS else SLOW_POLL_SECONDS
        waited_seconds += pause
        time.sleep(pause)


def _reason(cloudformation: Any, stack: Stack) -> str:
    """Return why the first resource failed; the others only followed."""
    events = cloudformation.describe_stack_events(StackName=stack.stack_name)["StackEvents"]
    failures = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    return failures[-1] if failures else "no reason given"
