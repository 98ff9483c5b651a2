"""Composition root of course_service's consumer and relay: `python -m services.course_service.worker`."""

import asyncio

import orjson

from services.course_service.assignments.service import analysis_requests
from services.course_service.assignments.submissions import (
    detected_submissions,
    recorded_submissions,
)
from services.course_service.failures import FailedMessageRow
from services.course_service.migrate import MIGRATIONS
from services.course_service.outbox import OutboxRow
from services.course_service.settings import WorkerSettings
from services.course_service.snapshots.service import build_snapshot
from services.course_service.sync.handlers import sync_handler
from shared.aws import aws_client
from shared.database import MESSAGE_TIMEOUT_SECONDS, Database
from shared.events.course_service import (
    ASSIGNMENT_CREATED,
    ASSIGNMENT_UPDATED,
    USER_ASSIGNMENTS_CREATED,
)
from shared.events.submissions import SUBMISSION_DETECTED, SUBMISSION_RECORDED
from shared.logging import configure_logging
from shared.messaging.consumer import LONG_POLL_SECONDS, Consumer
from shared.messaging.failure_log import FailureLog
from shared.messaging.metrics import QueueMonitor
from shared.messaging.publisher import Publisher
from shared.messaging.relay import BuildBodies, ClaimedEvent, Relay
from shared.messaging.stopping import run_until_stopped
from shared.migrations import schema_check
from shared.settings import load_settings
from shared.tracing.spans import configure_tracing
from shared.web.health import management_app
from shared.web.serving import run


def body_builder(database: Database) -> BuildBodies:
    """Return what turns an outbox row into messages; all but disabled courses are read when sent."""
    submissions = {
        SUBMISSION_DETECTED: detected_submissions,
        SUBMISSION_RECORDED: recorded_submissions,
    }

    async def build(event: ClaimedEvent) -> list[bytes]:
        if event.event_type == USER_ASSIGNMENTS_CREATED:
            return await build_snapshot(
                database,
                cognito_sub=event.body["cognitoSub"],
                synced_at=event.body["syncedAt"],
            )
        if event.event_type in (ASSIGNMENT_CREATED, ASSIGNMENT_UPDATED):
            return await analysis_requests(database, event.event_type, event.body["assignmentIds"])
        if event.event_type in submissions:
            return await database.transaction(
                lambda session: submissions[event.event_type](
                    session, event.body["cognitoSub"], event.body["assignmentIds"]
                )
            )
        return [orjson.dumps(event.body)]

    return build


def main() -> None:
    """Consume and relay until SIGTERM."""
    settings = load_settings(WorkerSettings)
    configure_logging("course_service_worker", settings.log_level)
    configure_tracing("course_service_worker")
    database = Database(settings.database_url, timeout_seconds=MESSAGE_TIMEOUT_SECONDS)
    check_schema = schema_check(database, MIGRATIONS)
    failures = FailureLog(database, FailedMessageRow)

    async def work(stopping: asyncio.Event) -> None:
        await check_schema(stopping)
        async with aws_client("sqs", settings, read_timeout_seconds=LONG_POLL_SECONDS + 10) as sqs:
            consumer = Consumer(
                sqs,
                settings.assignment_events_queue_name,
                sync_handler(database, settings.queue_names()),
                visibility_seconds=settings.visibility_seconds,
                is_available=database.is_reachable,
                failures=failures,
            )
            relay = Relay(database, OutboxRow, Publisher(sqs), body_builder(database))
            monitor = QueueMonitor(sqs, settings.measured_queue_names())
            await run_until_stopped(
                stopping, consumer.run, relay.run, failures.keep_small, monitor.run
            )
        await database.close()

    run({(settings.host, settings.management_port): management_app(database.is_reachable)}, work)


if __name__ == "__main__":
    main()
