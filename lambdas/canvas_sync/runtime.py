"""Puts the function together from its settings; `shared.function_runtime` keeps it between invocations."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import SecretStr

from lambdas.canvas_sync.canvas.client import CanvasClient
from lambdas.canvas_sync.canvas.governor import Governors
from lambdas.canvas_sync.canvas.transport import CanvasTransport, RetryPolicy, canvas_http_client
from lambdas.canvas_sync.neighbours import TIMEOUT, Neighbours
from lambdas.canvas_sync.schedule import Schedule
from lambdas.canvas_sync.service import CanvasSync
from lambdas.canvas_sync.settings import CanvasSyncSettings
from shared.aws import aws_client
from shared.logging import configure_logging
from shared.messaging.publisher import Publisher
from shared.messaging.queues import SQSClient
from shared.service_calls import service_client
from shared.settings import read_settings
from shared.tracing.spans import configure_tracing


@dataclass(frozen=True)
class Function:
    """What an invocation needs: a student's synchronisation, and the schedule around it."""

    sync: CanvasSync
    schedule: Schedule


async def open_canvas_sync(
    stack: AsyncExitStack,
    settings: CanvasSyncSettings,
    *,
    sqs: SQSClient | None = None,
    retry: RetryPolicy | None = None,
) -> Function:
    """Put the function together.

    Args:
        stack: Closes what is opened here.
        settings: Where everything is.
        sqs: Replaces the client that is opened by default.
        retry: Replaces the pauses between tries.
    """
    canvas_http = await stack.enter_async_context(canvas_http_client())
    # course_service knows no key of functions (rest.md I6).
    course_service = await stack.enter_async_context(
        service_client(
            settings.course_service_url, timeout=TIMEOUT, gateway_key=settings.gateway_key_text
        )
    )
    user_service = await stack.enter_async_context(
        service_client(
            settings.user_service_url,
            timeout=TIMEOUT,
            api_key=settings.canvas_sync_api_key.get_secret_value(),
        )
    )
    queues = sqs or await stack.enter_async_context(aws_client("sqs", settings))
    transport = CanvasTransport(canvas_http, settings.canvas_api_base_url, retry=retry)
    governors = Governors()

    def canvas_of(token: SecretStr) -> CanvasClient:
        return CanvasClient(transport, token, governors.of(token.get_secret_value()))

    neighbours = Neighbours(course_service=course_service, user_service=user_service)
    publisher = Publisher(queues)
    sync = CanvasSync(neighbours, canvas_of, publisher, settings.assignment_events_queue_name)
    return Function(sync, Schedule(sync, neighbours, publisher, settings.canvas_sync_queue_name))


async def open_from_environment(stack: AsyncExitStack) -> Function:
    """Put the function together as the environment says.

    Raises:
        SettingsError: Names each setting that is missing or wrong.
    """
    settings = read_settings(CanvasSyncSettings)
    configure_logging("canvas_sync", settings.log_level)
    configure_tracing("canvas_sync")
    return await open_canvas_sync(stack, settings)
