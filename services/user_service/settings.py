"""Everything user_service reads from its environment."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.user_service.sealing import SealingKey, parse_key, parse_keys
from shared.settings import DatabaseSettings, GatewayKeySettings, ServerSettings


class SealingSettings(DatabaseSettings):
    """Where sealed tokens are and what opens them."""

    encryption_keys: SecretStr | None = Field(
        None,
        description="keys that seal Canvas tokens, `id:key,id:key`, each 32 bytes in Base64; the first one writes",
    )
    encryption_key: SecretStr | None = Field(
        None,
        description="a single key, 32 bytes in Base64, known as `default`; one of the two is required",
    )

    @field_validator("encryption_keys")
    @classmethod
    def _check_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            parse_keys(keys.get_secret_value())
        return keys

    @field_validator("encryption_key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            parse_key("default", key.get_secret_value())
        return key

    @model_validator(mode="after")
    def _keys_are_given(self) -> Self:
        if self.encryption_keys is None and self.encryption_key is None:
            raise ValueError("missing ENCRYPTION_KEY or ENCRYPTION_KEYS")
        self.sealing_keys()
        return self

    def sealing_keys(self) -> list[SealingKey]:
        """Return the keys of both settings, the writing one first."""
        keys = parse_keys(self.encryption_keys.get_secret_value()) if self.encryption_keys else []
        if self.encryption_key is not None:
            single = parse_key("default", self.encryption_key.get_secret_value())
            same_id = [key for key in keys if key.key_id == single.key_id]
            if same_id and same_id != [single]:
                raise ValueError("ENCRYPTION_KEY and ENCRYPTION_KEYS name different keys `default`")
            if not same_id:
                keys.append(single)
        return keys


class UserServiceSettings(ServerSettings, SealingSettings, GatewayKeySettings):
    """Settings of the user_service process."""

    port: int = Field(8081, ge=1, le=65535, description="port of the API")
    management_port: int = Field(
        9081, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )
    cognito_user_pool_id: str = Field(..., description="Cognito user pool that holds the passwords")
    cognito_client_id: str = Field(
        ..., description="app client of the pool, without a secret, with USER_PASSWORD_AUTH"
    )
    canvas_base_url: str = Field(
        ..., description="the institution's Canvas, without `/api/v1`; https in production"
    )
    canvas_sync_function_name: str = Field(
        "canvas-sync-lambda", description="Lambda function that reads Canvas"
    )
    canvas_sync_api_key: SecretStr = Field(
        ..., description="`X-Api-Key` that functions present to internal endpoints"
    )
    course_service_url: str = Field(
        ..., pattern=r"^https?://[^/]+$", description="base URL of course_service"
    )
    schedule_service_url: str = Field(
        ..., pattern=r"^https?://[^/]+$", description="base URL of schedule_service"
    )

    @field_validator("canvas_base_url")
    @classmethod
    def _check_canvas_base_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be a URL such as https://canvas.example.edu")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must be a scheme and a host, without user, query or fragment")
        if parts.path.rstrip("/").endswith("/api/v1"):
            raise ValueError("must not include /api/v1")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _tokens_travel_encrypted(self) -> Self:
        if self.environment == "production" and not self.canvas_base_url.startswith("https://"):
            # C-04: students' tokens never travel in clear.
            raise ValueError("CANVAS_BASE_URL must start with https:// in production")
        return self
