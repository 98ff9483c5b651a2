"""The processes of the system and the settings each one gets: the table of `contract/additions.md` A."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.events.routes import QUEUES

EVERY_PROCESS = (
    "HOST",
    "ENVIRONMENT",
    "LOG_LEVEL",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)
QUEUE_SETTINGS = (*(queue.name_setting for queue in QUEUES), "VISIBILITY_SECONDS")


@dataclass(frozen=True)
class Service:
    """One of our own processes, started by `python -m <module>` from environment variables alone."""

    name: str
    module: str
    port: int | None
    management_port: int
    database: str | None
    settings: tuple[str, ...]


SERVICES = (
    Service(
        name="gateway",
        module="services.api_gateway",
        port=8080,
        management_port=9080,
        database=None,
        settings=(
            "USER_SERVICE_URL",
            "COURSE_SERVICE_URL",
            "SCHEDULE_SERVICE_URL",
            "COGNITO_USER_POOL_ID",
            "COGNITO_CLIENT_IDS",
            "COGNITO_ISSUER",
            "COGNITO_JWKS_URL",
            "CORS_ALLOWED_ORIGIN",
            "RATE_LIMIT_PER_MINUTE",
            "RATE_LIMIT_SYNC_PER_MINUTE",
            "RATE_LIMIT_SIGNIN_PER_MINUTE",
            "REDIS_URL",
            "GATEWAY_WORKERS",
            "GATEWAY_KEY",
        ),
    ),
    Service(
        name="user_service",
        module="services.user_service",
        port=8081,
        management_port=9081,
        database="user_db",
        settings=(
            "COGNITO_USER_POOL_ID",
            "COGNITO_CLIENT_ID",
            "CANVAS_BASE_URL",
            "CANVAS_SYNC_FUNCTION_NAME",
            "CANVAS_SYNC_API_KEY",
            "ENCRYPTION_KEY",
            "COURSE_SERVICE_URL",
            "SCHEDULE_SERVICE_URL",
            "GATEWAY_KEY",
        ),
    ),
    Service(
        name="course_service",
        module="services.course_service",
        port=8082,
        management_port=9082,
        database="course_db",
        settings=(*QUEUE_SETTINGS, "GATEWAY_KEY"),
    ),
    Service(
        name="course_service_worker",
        module="services.course_service.worker",
        port=None,
        management_port=9092,
        database="course_db",
        settings=QUEUE_SETTINGS,
    ),
    Service(
        name="schedule_service",
        module="services.schedule_service",
        port=8083,
        management_port=9083,
        database="schedule_db",
        settings=("USER_SERVICE_URL", "CANVAS_SYNC_API_KEY", "GATEWAY_KEY"),
    ),
    Service(
        name="schedule_service_worker",
        module="services.schedule_service.worker",
        port=None,
        management_port=9093,
        database="schedule_db",
        settings=(*QUEUE_SETTINGS, "USER_SERVICE_URL"),
    ),
)

FUNCTION_SETTINGS = (
    "ENVIRONMENT",
    "LOG_LEVEL",
    "USER_SERVICE_URL",
    "COURSE_SERVICE_URL",
    "CANVAS_API_BASE_URL",
    "CANVAS_SYNC_API_KEY",
    "AWS_ENDPOINT_URL",
    "GATEWAY_KEY",
    *(queue.name_setting for queue in QUEUES),
)
"""What canvas-sync gets; the platform adds region and credentials."""

LLM_SETTINGS = ("LLM_PROVIDER", "LLM_API_URL", "LLM_API_KEY", "LLM_MODEL")

ANALYSIS_SETTINGS = (
    "ENVIRONMENT",
    "LOG_LEVEL",
    "SCHEDULE_SERVICE_URL",
    "CANVAS_SYNC_API_KEY",
    "AWS_ENDPOINT_URL",
    "TASK_CREATION_QUEUE_NAME",
    "LLM_ANALYSIS_QUEUE_NAME",
    "SUBMISSION_EVENTS_QUEUE_NAME",
    *LLM_SETTINGS,
)
"""What llm-analysis gets; without `LLM_PROVIDER` it needs no model."""

PASSED_THROUGH = (
    *LLM_SETTINGS,
    "LOG_LEVEL",
    "CORS_ALLOWED_ORIGIN",
    "RATE_LIMIT_PER_MINUTE",
    "RATE_LIMIT_SYNC_PER_MINUTE",
    "RATE_LIMIT_SIGNIN_PER_MINUTE",
    "REDIS_URL",
    "GATEWAY_WORKERS",
    "GATEWAY_KEY",
    *QUEUE_SETTINGS,
)
"""What whoever starts the stack may set; everything else about it is decided here."""

DATABASES = {
    service.name: service.database for service in SERVICES if service.port and service.database
}
"""Schema by the service that owns it."""

MYSQL_PORT = 13306
"""Not 3306, where a developer's own server may be."""

REDIS_PORT = 6380
"""Not 6379, where a developer's own server may be; used with several gateway workers only."""

AWS_PORT = 4566
CANVAS_PORT = 8090


def ports() -> Iterator[tuple[str, int]]:
    """Yield every port of the stack before `PORT_OFFSET`, with the process that listens on it."""
    yield "mysql", MYSQL_PORT
    yield "redis", REDIS_PORT
    yield "aws", AWS_PORT
    yield "canvas", CANVAS_PORT
    for service in SERVICES:
        if service.port:
            yield service.name, service.port
        yield service.name, service.management_port
