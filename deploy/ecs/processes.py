"""The table of what runs on ECS: each process with its image, size, settings, secrets and queues.

Ports, modules and names are those of `contract/additions.md` A; tests compare them, and every setting, with
the settings classes. Queues follow from `shared.events.routes`.
"""

from dataclasses import dataclass, field
from typing import Any

from deploy.ecs.intrinsics import Reference, joined
from shared.events.routes import (
    ASSIGNMENT_EVENTS,
    CANVAS_SYNC,
    LLM_ANALYSIS,
    QUEUES,
    SUBMISSION_EVENTS,
    TASK_CREATION,
    Queue,
)

NAMESPACE = "unisync.internal"
"""The private DNS zone in which the services find each other."""

STOP_TIMEOUT_SECONDS = 60
"""Q-09 wants an exit 5 s before the kill; a request may take 10 s and a message 30 s. Fargate allows 120."""

LONG_STOP_TIMEOUT_SECONDS = 120
"""For user_service and the gateway, where a synchronisation may take 155 s: as long as Fargate waits."""


@dataclass(frozen=True)
class SecretKey:
    """One value of a secret: the whole, or a key of its JSON."""

    secret: str
    key: str | None = None


ENCRYPTION_KEYS = SecretKey("encryption-key")
CANVAS_SYNC_API_KEY = SecretKey("internal-api-key", "canvas_sync_api_key")
GATEWAY_KEY = SecretKey("internal-api-key", "gateway_key")
USER_POOL_ID = SecretKey("cognito-config", "user_pool_id")
CLIENT_ID = SecretKey("cognito-config", "client_id")

SECRETS = {
    "encryption-key": "Keys that seal Canvas tokens, `id:key,id:key`; the first one writes",
    "rds-password": "One database password per service, and the DATABASE_URL made with it",
    "cognito-config": "User pool and app client",
    "internal-api-key": "Keys of internal calls: functions to services, gateway to services",
    "canvas-api-token": "Canvas token of the smoke test after a deployment",
}
"""Every secret below `unisync/`, with what it holds."""


@dataclass(frozen=True)
class Process:
    """A process on ECS. Sizes are Fargate's: CPU units of 1/1024 core, MiB.

    `measures` are the queues whose depths, with those of their dead-letter queues, it shows on its management port.
    """

    name: str
    module: str
    port: int | None
    management_port: int
    cpu: int = 512
    memory_mib: int = 1024
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, SecretKey] = field(default_factory=dict)
    stop_timeout_seconds: int = STOP_TIMEOUT_SECONDS
    calls_services: bool = False
    measures: tuple[Queue, ...] = ()

    @property
    def package(self) -> str:
        """The service's package, which is also the name of its image."""
        return self.module.split(".")[1]

    @property
    def is_worker(self) -> bool:
        """Tell whether it only reads queues."""
        return self.port is None

    @property
    def uses_database(self) -> bool:
        """Tell whether it has a schema."""
        return "DATABASE_URL" in self.secrets

    @property
    def host_name(self) -> str:
        """Its name in DNS and AWS: no underscores."""
        return self.name.replace("_", "-")

    @property
    def logical_id(self) -> str:
        """Its name in templates."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def sends_to(self) -> tuple[Queue, ...]:
        """Queues it writes: the outbox is relayed by the worker, so no API writes any."""
        return tuple(q for q in QUEUES if self.is_worker and self.package in q.producers)

    @property
    def reads_from(self) -> tuple[Queue, ...]:
        """Queues it consumes."""
        return tuple(q for q in QUEUES if self.is_worker and self.package == q.consumer)

    def knows(self, queue: Queue) -> bool:
        """Tell whether it has to do with a queue."""
        return queue in (*self.reads_from, *self.sends_to, *self.measures)


def database_url(service: str) -> SecretKey:
    """Return the secret that holds a service's DATABASE_URL."""
    return SecretKey("rds-password", f"{service}_url")


def service_url(name: str, port: int) -> str:
    """Return the address of a service inside the VPC."""
    return f"http://{name.replace('_', '-')}.{NAMESPACE}:{port}"


USER_SERVICE_URL = service_url("user_service", 8081)
COURSE_SERVICE_URL = service_url("course_service", 8082)
SCHEDULE_SERVICE_URL = service_url("schedule_service", 8083)

PROCESSES = (
    Process(
        name="gateway",
        module="services.api_gateway",
        port=8080,
        management_port=9080,
        cpu=1024,
        memory_mib=2048,
        calls_services=True,
        stop_timeout_seconds=LONG_STOP_TIMEOUT_SECONDS,
        settings={
            "USER_SERVICE_URL": USER_SERVICE_URL,
            "COURSE_SERVICE_URL": COURSE_SERVICE_URL,
            "SCHEDULE_SERVICE_URL": SCHEDULE_SERVICE_URL,
            "CORS_ALLOWED_ORIGIN": Reference("AllowedOrigin"),
            # S-05: the limits are production's defaults, counted over all tasks.
            "REDIS_URL": joined("rediss://${host}:6379", host="unisync-cache-endpoint"),
        },
        secrets={
            "COGNITO_USER_POOL_ID": USER_POOL_ID,
            "COGNITO_CLIENT_IDS": CLIENT_ID,
            "GATEWAY_KEY": GATEWAY_KEY,
        },
    ),
    Process(
        name="user_service",
        module="services.user_service",
        port=8081,
        management_port=9081,
        calls_services=True,
        stop_timeout_seconds=LONG_STOP_TIMEOUT_SECONDS,
        settings={
            "CANVAS_BASE_URL": Reference("CanvasBaseUrl"),
            "CANVAS_SYNC_FUNCTION_NAME": "canvas-sync-lambda",
            "COURSE_SERVICE_URL": COURSE_SERVICE_URL,
            "SCHEDULE_SERVICE_URL": SCHEDULE_SERVICE_URL,
        },
        secrets={
            "DATABASE_URL": database_url("user_service"),
            "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "COGNITO_USER_POOL_ID": USER_POOL_ID,
            "COGNITO_CLIENT_ID": CLIENT_ID,
            "CANVAS_SYNC_API_KEY": CANVAS_SYNC_API_KEY,
            "GATEWAY_KEY": GATEWAY_KEY,
        },
    ),
    Process(
        name="course_service",
        module="services.course_service",
        port=8082,
        management_port=9082,
        secrets={
            "DATABASE_URL": database_url("course_service"),
            "GATEWAY_KEY": GATEWAY_KEY,
        },
    ),
    Process(
        name="course_service_worker",
        module="services.course_service.worker",
        port=None,
        management_port=9092,
        measures=(ASSIGNMENT_EVENTS, LLM_ANALYSIS, SUBMISSION_EVENTS, CANVAS_SYNC),
        secrets={"DATABASE_URL": database_url("course_service")},
    ),
    Process(
        name="schedule_service",
        module="services.schedule_service",
        port=8083,
        management_port=9083,
        calls_services=True,
        settings={"USER_SERVICE_URL": USER_SERVICE_URL},
        secrets={
            "DATABASE_URL": database_url("schedule_service"),
            "CANVAS_SYNC_API_KEY": CANVAS_SYNC_API_KEY,
            "GATEWAY_KEY": GATEWAY_KEY,
        },
    ),
    Process(
        name="schedule_service_worker",
        module="services.schedule_service.worker",
        port=None,
        management_port=9093,
        measures=(TASK_CREATION,),
        secrets={"DATABASE_URL": database_url("schedule_service")},
    ),
)
