"""What the function reads from its environment."""

from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator

from shared.events.routes import ASSIGNMENT_EVENTS, CANVAS_SYNC
from shared.settings import BaseURL, GatewayKeySettings


class CanvasSyncSettings(GatewayKeySettings):
    """Where the neighbours are, and the key by which user_service hands out tokens."""

    user_service_url: BaseURL = Field(
        ..., description="user_service, which keeps the Canvas tokens"
    )
    course_service_url: BaseURL = Field(
        ..., description="course_service, which knows the enabled courses"
    )
    canvas_api_base_url: BaseURL = Field(
        ...,
        description="Canvas with its API path, such as `https://canvas.example.edu/api/v1`; "
        "https in production",
    )
    canvas_sync_api_key: SecretStr = Field(
        ..., min_length=1, description="key for user_service's internal calls; there is no default"
    )
    aws_endpoint_url: str | None = Field(
        None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL", "SQS_ENDPOINT"),
        description="AWS emulator to talk to, also as `SQS_ENDPOINT`; unset on AWS",
    )
    assignment_events_queue_name: str = Field(
        ASSIGNMENT_EVENTS.name, description="queue that course_service reads"
    )
    canvas_sync_queue_name: str = Field(
        CANVAS_SYNC.name, description="queue of the students whom the schedule synchronises"
    )

    @model_validator(mode="after")
    def _tokens_travel_encrypted(self) -> Self:
        if self.environment == "production" and not self.canvas_api_base_url.startswith("https:"):
            raise ValueError("CANVAS_API_BASE_URL must be https in production")
        return self
