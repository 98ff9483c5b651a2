"""Invokes the canvas_sync function and tells a result from everything else it may answer (events.md 2.5)."""

import asyncio
from typing import Annotated, Any

import aiohttp
import orjson
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from pydantic import BaseModel, Field, StrictInt, StrictStr, ValidationError

from services.user_service.integrations.canvas import SyncCounts, SyncMode
from services.user_service.integrations.errors import TOOK_TOO_LONG, CanvasSyncFailed
from shared.logging import correlation_id, get_logger
from shared.tracing.spans import span

log = get_logger(__name__)

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 150
"""As events.md 2.5; the gateway waits five seconds longer."""

_INVOCATION = {"rpc.system": "aws-api", "rpc.service": "Lambda", "rpc.method": "Invoke"}

_Count = Annotated[StrictInt, Field(ge=0)]


class _Body(BaseModel):
    courses_count: _Count = Field(alias="coursesCount")
    assignments_count: _Count = Field(alias="assignmentsCount")
    synced_at: StrictStr = Field(
        alias="syncedAt", pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?$"
    )


class CanvasSyncFunction:
    """The function, reached by the same Invoke call on AWS and everywhere else.

    Args:
        client: An aiobotocore `lambda` client with the time-outs above and no retries: a second
            invocation would be a second synchronisation.
        function_name: Its name or ARN.
    """

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    async def sync(self, cognito_sub: str, mode: SyncMode) -> SyncCounts:
        """Synchronise one student and wait for the end.

        Raises:
            CanvasSyncFailed: Anything but a complete result; the function's own words stay inside.
        """
        request = {"cognitoSub": cognito_sub, "syncMode": mode.value}
        if (request_id := correlation_id.get()) is not None:
            request["correlationId"] = request_id
        name = f"invoke {self._function_name}"
        try:
            with span(name, "client", attributes=_INVOCATION) as invocation:
                if invocation.traceparent is not None:
                    request["traceparent"] = invocation.traceparent
                async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                    answer = await self._client.invoke(
                        FunctionName=self._function_name,
                        InvocationType="RequestResponse",
                        Payload=orjson.dumps(request),
                    )
                    payload = await answer["Payload"].read()
                if answer.get("FunctionError"):
                    invocation.fail("FunctionError")
        except (TimeoutError, ReadTimeoutError) as problem:
            log.error("canvas_sync_timed_out")
            raise CanvasSyncFailed(TOOK_TOO_LONG) from problem
        except (BotoCoreError, ClientError, aiohttp.ClientError, OSError) as problem:
            log.error("canvas_sync_not_invoked", reason=_reason(problem))
            raise CanvasSyncFailed from problem
        if answer.get("FunctionError"):
            log.error("canvas_sync_failed", reason="function error")
            raise CanvasSyncFailed
        return _counts(payload)


def _counts(payload: bytes) -> SyncCounts:
    try:
        result = orjson.loads(payload)
    except orjson.JSONDecodeError as problem:
        log.error("canvas_sync_failed", reason="not JSON")
        raise CanvasSyncFailed from problem
    # The runtime emulator of AWS's base images answers a raised error without the function-error
    # marker; such a payload has no status code.
    if not isinstance(result, dict) or result.get("statusCode") != 200:
        log.error("canvas_sync_failed", reason="status")
        raise CanvasSyncFailed
    try:
        body = _Body.model_validate(result.get("body"))
    except ValidationError as problem:
        log.error("canvas_sync_failed", reason="body")
        raise CanvasSyncFailed from problem
    return SyncCounts(body.courses_count, body.assignments_count, body.synced_at)


def _reason(problem: BaseException) -> str:
    if isinstance(problem, ClientError):
        return str(problem.response["Error"].get("Code"))
    return type(problem).__name__
