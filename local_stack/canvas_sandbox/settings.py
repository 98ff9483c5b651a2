"""What the sandbox reads from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from local_stack.canvas_sandbox.semester import DEFAULT_SEED


class SandboxSettings(BaseSettings):
    """Where the sandbox listens and which semester it makes up. An empty variable counts as unset."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    host: str = Field(
        "127.0.0.1", description="address to listen on; loopback unless told otherwise"
    )
    port: int = Field(8090, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    sandbox_seed: int = Field(
        DEFAULT_SEED, description="same seed and day, same semester: ids, names, dates and texts"
    )
