"""Composition root of schedule_service's consumer: `python -m services.schedule_service.worker`."""

import asyncio

from services.schedule_service.failures import FailedMessageRow
from services.schedule_service.migrate import MIGRATIONS
from services.schedule_service.settings import WorkerSettings
from services.schedule_service.sync.handlers import task_creation_handler
from shared.aws import aws_client
from shared.database import MESSAGE_TIMEOUT_SECONDS, Database
from shared.logging import configure_logging
from shared.messaging.consumer import LONG_POLL_SECONDS, Consumer
from shared.messaging.failure_log import FailureLog
from shared.messaging.metrics import QueueMonitor
from shared.messaging.stopping import run_until_stopped
from shared.migrations import schema_check
from shared.settings import load_settings
from shared.tracing.spans import configure_tracing
from shared.web.health import management_app
from shared.web.serving import run


def main() -> None:
    """Consume until the process is told to stop."""
    settings = load_settings(WorkerSettings)
    configure_logging("schedule_service_worker", settings.log_level)
    configure_tracing("schedule_service_worker")
    database = Database(settings.database_url, timeout_seconds=MESSAGE_TIMEOUT_SECONDS)
    check_schema = schema_check(database, MIGRATIONS)
    failures = FailureLog(database, FailedMessageRow)

    async def consume(stopping: asyncio.Event) -> None:
        await check_schema(stopping)
        async with aws_client("sqs", settings, read_timeout_seconds=LONG_POLL_SECONDS + 10) as sqs:
            consumer = Consumer(
                sqs,
                settings.task_creation_queue_name,
                task_creation_handler(database),
                visibility_seconds=settings.visibility_seconds,
                is_available=database.is_reachable,
                failures=failures,
            )
            monitor = QueueMonitor(sqs, [settings.task_creation_queue_name])
            await run_until_stopped(stopping, consumer.run, failures.keep_small, monitor.run)
        await database.close()

    run(
        {(settings.host, settings.management_port): management_app(database.is_reachable)},
        consume,
    )


if __name__ == "__main__":
    main()
