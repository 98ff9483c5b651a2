"""Creates what deployments create on AWS: the queues, the user pool, the two functions and the schedules."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from local_stack.errors import StackError
from shared.aws import aws_client
from shared.events.routes import CANVAS_SYNC, LLM_ANALYSIS, SUBMISSION_EVENTS, Queue
from shared.messaging.queues import create_queues
from shared.settings import Settings

FUNCTION_NAME = "canvas-sync-lambda"
FUNCTION_MEMORY_MB = 512
FUNCTION_HANDLER = "handler.lambda_handler"
FUNCTION_RUNTIME = "python3.11"


@dataclass(frozen=True)
class Function:
    """A function as AWS Lambda is told of it, with the queues that invoke it."""

    name: str
    package: str
    timeout_seconds: int
    sources: tuple[Queue, ...]
    batch_size: int


CANVAS_SYNC_FUNCTION = Function(FUNCTION_NAME, "canvas_sync", 300, (CANVAS_SYNC,), 1)
LLM_ANALYSIS_FUNCTION = Function(
    "llm-analysis-lambda", "llm_analysis", 180, (LLM_ANALYSIS, SUBMISSION_EVENTS), 10
)


@dataclass(frozen=True)
class Schedule:
    """A rule of EventBridge that invokes the sync function with a constant."""

    rule: str
    expression: str
    payload: Mapping[str, Any]


SCHEDULES = (
    Schedule(
        "unisync-assignments", "rate(15 minutes)", {"fanOut": True, "syncMode": "assignments"}
    ),
    Schedule("unisync-courses", "cron(0 18 * * ? *)", {"fanOut": True, "syncMode": "courses"}),
)
"""Those of `deploy/ecs/functions.yaml`; the courses are read at night, at 03:00 in Korea."""

WARM_UP_SECONDS = 30
"""A cold start takes about two seconds; the service's own function time-out would hide a hang."""


@dataclass(frozen=True)
class UserPool:
    """A Cognito user pool and its one app client."""

    user_pool_id: str
    client_id: str


async def provision_queues(
    aws: Settings, environment: Mapping[str, str], visibility_seconds: int | None
) -> dict[str, str]:
    """Create every queue with its dead-letter queue and return their URLs by name."""
    async with aws_client("sqs", aws) as sqs:
        return await create_queues(sqs, environment, visibility_seconds=visibility_seconds)


async def provision_user_pool(aws: Settings) -> UserPool:
    """Create the pool with the password rules of the contract, and a client that signs in by password."""
    async with aws_client("cognito-idp", aws) as cognito:
        pool = await cognito.create_user_pool(
            PoolName="unisync",
            UsernameAttributes=["email"],
            UsernameConfiguration={"CaseSensitive": False},
            AutoVerifiedAttributes=["email"],
            Policies={
                "PasswordPolicy": {
                    "MinimumLength": 8,
                    "RequireUppercase": True,
                    "RequireLowercase": True,
                    "RequireNumbers": True,
                    "RequireSymbols": False,
                }
            },
        )
        pool_id = str(pool["UserPool"]["Id"])
        client = await cognito.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName="unisync-api",
            GenerateSecret=False,
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            AccessTokenValidity=60,
            IdTokenValidity=60,
            TokenValidityUnits={"AccessToken": "minutes", "IdToken": "minutes"},
        )
    return UserPool(pool_id, str(client["UserPoolClient"]["ClientId"]))


async def provision_function(
    aws: Settings, function: Function, package: Path, environment: Mapping[str, str]
) -> None:
    """Create a function from its zip and let its queues invoke it.

    Args:
        aws: Where.
        function: What.
        package: Its zip.
        environment: What the function reads; names of its queues are taken from here too.
    """
    code = await asyncio.to_thread(package.read_bytes)
    async with (
        aws_client("lambda", aws, read_timeout_seconds=60) as functions,
        aws_client("sqs", aws) as sqs,
    ):
        await functions.create_function(
            FunctionName=function.name,
            Runtime=FUNCTION_RUNTIME,
            Handler=FUNCTION_HANDLER,
            Timeout=function.timeout_seconds,
            MemorySize=FUNCTION_MEMORY_MB,
            Role=f"arn:aws:iam::123456789012:role/{function.name.removesuffix('-lambda')}",
            Code={"ZipFile": code},
            Environment={"Variables": dict(environment)},
        )
        for source in function.sources:
            name = environment.get(source.name_setting, source.name)
            url = (await sqs.get_queue_url(QueueName=name))["QueueUrl"]
            queue = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            await functions.create_event_source_mapping(
                FunctionName=function.name,
                EventSourceArn=queue["Attributes"]["QueueArn"],
                BatchSize=function.batch_size,
                FunctionResponseTypes=["ReportBatchItemFailures"],
            )


async def provision_schedules(aws: Settings) -> None:
    """Have EventBridge invoke the sync function by itself; the first time is when the next interval is over."""
    async with aws_client("events", aws) as events, aws_client("lambda", aws) as functions:
        function = await functions.get_function(FunctionName=FUNCTION_NAME)
        for schedule in SCHEDULES:
            rule = await events.put_rule(
                Name=schedule.rule, ScheduleExpression=schedule.expression, State="ENABLED"
            )
            target = {
                "Id": FUNCTION_NAME,
                "Arn": function["Configuration"]["FunctionArn"],
                "Input": json.dumps(schedule.payload),
            }
            await events.put_targets(Rule=schedule.rule, Targets=[target])
            await functions.add_permission(
                FunctionName=FUNCTION_NAME,
                StatementId=schedule.rule,
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule["RuleArn"],
            )


async def warm_up_function(aws: Settings, function: Function) -> None:
    """Invoke a function with next to nothing: it starts, answers, and touches nothing.

    So the first real invocation does not pay for the cold start, and a zip that cannot be imported is noticed.
    canvas_sync is asked for a student without enrollments: by the contract it asks course_service and ends, with no
    token, no Canvas and no message. The other one is given no records.

    Raises:
        StackError: The function failed; the message has its answer.
    """
    nothing: dict[str, Any] = {"Records": []}
    if function is CANVAS_SYNC_FUNCTION:
        nothing = {"cognitoSub": str(uuid4()), "syncMode": "assignments"}
    async with aws_client(
        "lambda", aws, read_timeout_seconds=WARM_UP_SECONDS, max_attempts=1
    ) as functions:
        answer: dict[str, Any] = await functions.invoke(
            FunctionName=function.name, Payload=json.dumps(nothing)
        )
        body = json.loads(await answer["Payload"].read())
    if "FunctionError" in answer or body.get("statusCode") != 200:
        raise StackError(f"{function.name} cannot run: {body.get('errorMessage', body)}")
