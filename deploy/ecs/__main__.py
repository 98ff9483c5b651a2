"""The documented path as commands: `python -m deploy.ecs`; README.md beside this file has their order."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

import botocore.session

from deploy.ecs import one_off
from deploy.ecs.secrets import Surroundings, current_version, fill
from deploy.ecs.stacks import STACKS, DeploymentFailed, Stack, deploy, outputs

Client = Callable[[str], Any]


def main() -> None:
    """Do what the command line asks for, or end with one `error:` line."""
    arguments = _arguments()
    session = botocore.session.get_session()
    try:
        arguments.run(session.create_client, arguments)
    except (DeploymentFailed, LookupError) as problem:
        sys.exit(f"error: {problem}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.ecs", description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("deploy", help="create or update stacks, in their order")
    command.add_argument("stacks", nargs="+", choices=[stack.name for stack in STACKS])
    command.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    command.set_defaults(run=_deploy)

    command = commands.add_parser("secrets", help="give values to secrets that have none")
    command.set_defaults(run=_secrets)

    command = commands.add_parser("task", help="run a one-off task and wait for it")
    command.add_argument("task", choices=one_off.TASKS)
    command.add_argument(
        "command",
        nargs="*",
        help="instead of its own, after `--`: -- python -m shared.messaging ...",
    )
    command.set_defaults(run=_task)

    command = commands.add_parser("release", help="migrate, then change functions and services")
    command.add_argument("commit", help="whose images and packages were pushed")
    command.add_argument(
        "--rollback", action="store_true", help="to an older commit: schemas stay as they are"
    )
    command.add_argument("--role-arn", help="role that CloudFormation takes on")
    command.set_defaults(run=_release)
    return parser.parse_args()


def _deploy(client: Client, arguments: argparse.Namespace) -> None:
    parameters = dict(pair.split("=", 1) for pair in arguments.parameter)
    for stack in STACKS:
        if stack.name in arguments.stacks:
            known = _known_parameters(client, stack)
            _say(stack, deploy(client("cloudformation"), stack, known | parameters))


def _known_parameters(client: Client, stack: Stack) -> dict[str, str]:
    """Return the parameters that AWS itself knows."""
    known = {}
    if "InternalApiKeyVersion" in stack.parameter_names():
        known["InternalApiKeyVersion"] = current_version(
            client("secretsmanager"), "unisync/internal-api-key"
        )
    if "MasterSecretArn" in stack.parameter_names():
        servers = client("rds").describe_db_instances(DBInstanceIdentifier="unisync")
        known["MasterSecretArn"] = servers["DBInstances"][0]["MasterUserSecret"]["SecretArn"]
    return known


def _secrets(client: Client, _: argparse.Namespace) -> None:
    token = os.environ.get("CANVAS_API_TOKEN")
    if not token:
        raise LookupError("CANVAS_API_TOKEN is missing: a Canvas token for the smoke test")
    cloudformation = client("cloudformation")
    identity = outputs(cloudformation, "unisync-identity")
    surroundings = Surroundings(
        database_endpoint=outputs(cloudformation, "unisync-database")["Endpoint"],
        user_pool_id=identity["UserPoolId"],
        client_id=identity["ClientId"],
        canvas_api_token=token,
    )
    for name in fill(client("secretsmanager"), surroundings):
        sys.stdout.write(f"{name}: made\n")


def _task(client: Client, arguments: argparse.Namespace) -> None:
    where = one_off.place(client("cloudformation"))
    one_off.run(client("ecs"), where, arguments.task, command=arguments.command or None)
    sys.stdout.write(f"{arguments.task}: done, see the log group /unisync/{arguments.task}\n")


def _release(client: Client, arguments: argparse.Namespace) -> None:
    release(client, arguments.commit, is_rollback=arguments.rollback, role_arn=arguments.role_arn)


def release(
    client: Client, commit: str, *, is_rollback: bool = False, role_arn: str | None = None
) -> None:
    """Migrate the schemas, then change functions and services to a commit's packages and images.

    Args:
        client: Makes botocore clients.
        commit: Whose packages and images were pushed.
        is_rollback: Leave the schemas as they are: every release runs on the schema of the next one.
        role_arn: Role that CloudFormation takes on; the caller's own rights without.

    Raises:
        DeploymentFailed: A stack or a migration failed; what comes after it was not touched.
    """
    cloudformation = client("cloudformation")
    parameters = {"ImageTag": commit, "PackageVersion": commit}
    for stack in STACKS:
        if not stack.is_part_of_releases or (is_rollback and stack.name == "migrations"):
            continue
        _say(stack, deploy(cloudformation, stack, parameters, role_arn=role_arn))
        if stack.name == "migrations":
            where = one_off.place(cloudformation)
            for task in one_off.MIGRATIONS:
                one_off.run(client("ecs"), where, task)
                sys.stdout.write(f"{task}: done\n")


def _say(stack: Stack, status: str) -> None:
    sys.stdout.write(f"{stack.stack_name}: {status}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
