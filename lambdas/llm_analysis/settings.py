"""What the function reads from its environment."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.events.routes import TASK_CREATION
from shared.settings import BaseURL, Settings

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
"""The vendors' own addresses; anything that speaks the same language may stand in for them."""


class LLMAnalysisSettings(Settings):
    """Who proposes steps, where stored ones are kept, and where new ones go."""

    llm_provider: Literal["outline", "anthropic", "openai", "bedrock"] = Field(
        "outline", description="who proposes steps; `outline` needs neither model nor key"
    )
    llm_api_url: BaseURL | None = Field(
        None, description="address of the model's API when it is not the vendor's own"
    )
    llm_api_key: SecretStr | None = Field(
        None,
        description="key of the model's API; not for `outline` and `bedrock`, "
        "and needed by `openai` only at the vendor's own address",
    )
    llm_model: str | None = Field(
        None, description="id of the model, for every provider but `outline`"
    )
    schedule_service_url: BaseURL = Field(
        ..., description="schedule_service, which keeps analyses and the budget"
    )
    canvas_sync_api_key: SecretStr = Field(
        ..., min_length=1, description="key for schedule_service's internal calls"
    )
    task_creation_queue_name: str = Field(
        TASK_CREATION.name, description="queue that schedule_service reads"
    )

    @model_validator(mode="after")
    def _a_model_can_be_called(self) -> Self:
        if self.llm_provider == "outline":
            return self
        if not self.llm_model:
            raise ValueError("LLM_MODEL is needed for this LLM_PROVIDER")
        needs_key = self.llm_provider == "anthropic" or (
            self.llm_provider == "openai" and self.llm_api_url is None
        )
        if needs_key and self.llm_api_key is None:
            raise ValueError("LLM_API_KEY is needed for this LLM_PROVIDER")
        is_plain = (self.llm_api_url or "").startswith("http:")
        if self.environment == "production" and is_plain:
            raise ValueError("LLM_API_URL must be https in production")
        return self
