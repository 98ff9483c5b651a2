"""What the two processes of schedule_service read from the environment."""

from pydantic import Field, SecretStr

from shared.events.routes import TASK_CREATION
from shared.settings import DatabaseSettings, GatewayKeySettings, ServerSettings


class APISettings(ServerSettings, DatabaseSettings, GatewayKeySettings):
    """What the API process reads."""

    port: int = Field(8083, ge=1, le=65535, description="port of the API")
    management_port: int = Field(
        9083, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )
    user_service_url: str = Field(
        ..., pattern=r"^https?://[^/]+/?$", description="base URL of user_service, asked for groups"
    )
    canvas_sync_api_key: SecretStr = Field(
        ..., min_length=1, description="`X-Api-Key` that functions present to internal endpoints"
    )
    analysis_calls_per_day: int = Field(
        1_000, ge=0, description="calls of a language model that llm_analysis may make on one day"
    )


class WorkerSettings(ServerSettings, DatabaseSettings):
    """What the consumer process reads."""

    management_port: int = Field(
        9093, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )
    task_creation_queue_name: str = Field(
        TASK_CREATION.name,
        description="queue of snapshots, disabled courses, steps and submissions",
    )
    visibility_seconds: int = Field(
        TASK_CREATION.visibility_seconds,
        ge=1,
        description="the queue's visibility timeout, extended while a message is in work",
    )
