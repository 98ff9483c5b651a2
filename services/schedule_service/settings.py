"""What the two processes of schedule_service read from the environment."""

from pydantic import Field

from shared.events.routes import TASK_CREATION
from shared.settings import DatabaseSettings, ServerSettings


class APISettings(ServerSettings, DatabaseSettings):
    """What the API process reads."""

    port: int = Field(8083, ge=1, le=65535, description="port of the API")
    management_port: int = Field(
        9083, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )
    user_service_url: str = Field(
        ..., pattern=r"^https?://[^/]+/?$", description="base URL of user_service, asked for groups"
    )


class WorkerSettings(ServerSettings, DatabaseSettings):
    """What the consumer process reads."""

    management_port: int = Field(
        9093, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )
    task_creation_queue_name: str = Field(
        TASK_CREATION.name, description="queue of snapshots and disabled courses"
    )
    visibility_seconds: int = Field(
        TASK_CREATION.visibility_seconds,
        ge=1,
        description="the queue's visibility timeout, extended while a message is in work",
    )
