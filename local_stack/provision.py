"""Creates what deployments create on AWS: the queues, the user pool and the canvas-sync function."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from local_stack.errors import StackError
from shared.aws import aws_client
from shared.events.routes import CANVAS_SYNC
from shared.messaging.queues import create_queues
from shared.settings import Settings

FUNCTION_NAME = "canvas-sync-lambda"
FUNCTION_TIMEOUT_SECONDS = 300
FUNCTION_MEMORY_MB = 512
FUNCTION_HANDLER = "handler.lambda_handler"
FUNCTION_RUNTIME = "python3.11"

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


async def provision_function(aws: Settings, package: Path, environment: Mapping[str, str]) -> None:
    """Create the canvas-sync function from its zip and let `canvas-sync-queue` invoke it."""
    code = await asyncio.to_thread(package.read_bytes)
    async with aws_client("lambda", aws, read_timeout_seconds=60) as functions:
        await functions.create_function(
            FunctionName=FUNCTION_NAME,
            Runtime=FUNCTION_RUNTIME,
            Handler=FUNCTION_HANDLER,
            Timeout=FUNCTION_TIMEOUT_SECONDS,
            MemorySize=FUNCTION_MEMORY_MB,
            Role="arn:aws:iam::123456789012:role/canvas-sync",
            Code={"ZipFile": code},
            Environment={"Variables": dict(environment)},
        )
        async with aws_client("sqs", aws) as sqs:
            name = environment.get(CANVAS_SYNC.name_setting, CANVAS_SYNC.name)
            url = (await sqs.get_queue_url(QueueName=name))["QueueUrl"]
            queue = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        await functions.create_event_source_mapping(
            FunctionName=FUNCTION_NAME,
            EventSourceArn=queue["Attributes"]["QueueArn"],
            BatchSize=1,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )


async def warm_up_function(aws: Settings) -> None:
    """Invoke the function for a student without enrollments: it starts, answers, and touches nothing.

    So a sync's first call does not pay for the cold start, and a zip that cannot be imported is noticed
    at the start. By the contract this invocation asks course_service and ends: no token, no Canvas, no
    message.

    Raises:
        StackError: The function failed; the message has its answer.
    """
    payload = json.dumps({"cognitoSub": str(uuid4()), "syncMode": "assignments"})
    async with aws_client(
        "lambda", aws, read_timeout_seconds=WARM_UP_SECONDS, max_attempts=1
    ) as functions:
        answer: dict[str, Any] = await functions.invoke(FunctionName=FUNCTION_NAME, Payload=payload)
        body = json.loads(await answer["Payload"].read())
    if "FunctionError" in answer or body.get("statusCode") != 200:
        raise StackError(f"{FUNCTION_NAME} cannot run: {body.get('errorMessage', body)}")
