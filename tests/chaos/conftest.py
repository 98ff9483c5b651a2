"""Fresh schemas and queues for each kill test, or the running stack as it is now."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from services.course_service.migrate import MIGRATIONS as COURSE_MIGRATIONS
from services.schedule_service.migrate import MIGRATIONS as SCHEDULE_MIGRATIONS
from shared.aws import aws_client
from shared.events.routes import QUEUES
from shared.messaging.queues import create_queues
from shared.settings import Settings
from shared.testing.schemas import migrated_schema
from tests.chaos.instances import described
from tests.chaos.surroundings import COURSE, SCHEDULE, VISIBILITY_SECONDS, Surroundings


@pytest.fixture
async def surroundings(
    mysql_server_url: str, aws: Settings, tmp_path: Path
) -> AsyncIterator[Surroundings]:
    assert aws.aws_endpoint_url is not None
    names = {queue.name_setting: f"{queue.name}-{uuid4().hex[:8]}" for queue in QUEUES}
    with (
        migrated_schema(mysql_server_url, COURSE_MIGRATIONS) as course_url,
        migrated_schema(mysql_server_url, SCHEDULE_MIGRATIONS) as schedule_url,
    ):
        async with aws_client("sqs", aws) as sqs:
            await create_queues(sqs, names, visibility_seconds=VISIBILITY_SECONDS)
            place = Surroundings(
                sqs=sqs,
                region=aws.aws_region,
                queues_port=urlsplit(aws.aws_endpoint_url).port or 80,
                database_port=urlsplit(mysql_server_url).port or 3306,
                database_urls={COURSE: course_url, SCHEDULE: schedule_url},
                queue_names=names,
                log=tmp_path / "workers.log",
            )
            yield place
            await place.end_all()


@pytest.fixture
async def now(stack: dict[str, Any], stack_directory: Path) -> dict[str, Any]:
    """Return the running stack's `stack.json` after whatever an earlier test has killed."""
    return await described(stack_directory)
