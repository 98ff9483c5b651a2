"""What the gateway reads from its environment, and which combinations it refuses to start with."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from services.api_gateway.routes import Limit
from shared.settings import GatewayKeySettings, ServerSettings

_PRODUCTION_LIMITS = {Limit.USER: 100, Limit.SYNC: 10, Limit.SIGN_IN: 5}
"""S-05."""

LOCAL_ORIGIN = "http://localhost:3000"

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
_REDIS_URL = re.compile(r"rediss?://[^/]")


def _without_trailing_slash(url: str) -> str:
    return url.removesuffix("/")


def _comma_separated(value: Any) -> Any:
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    return value


ServiceURL = Annotated[
    str,
    Field(pattern=r"^https?://[A-Za-z0-9._\[\]:-]+/?$"),
    AfterValidator(_without_trailing_slash),
]
RateLimit = Annotated[int, Field(ge=0, le=1_000_000_000)]


class GatewaySettings(ServerSettings, GatewayKeySettings):
    """The gateway's environment variables."""

    port: int = Field(8080, ge=1, le=65535, description="port of the API")
    management_port: int = Field(
        9080, ge=1, le=65535, description="port of health and metrics; never public"
    )
    user_service_url: ServiceURL = Field(..., description="base URL of user_service")
    course_service_url: ServiceURL = Field(..., description="base URL of course_service")
    schedule_service_url: ServiceURL = Field(..., description="base URL of schedule_service")
    cognito_user_pool_id: str = Field(
        ..., pattern=r"^[A-Za-z0-9_-]{1,55}$", description="user pool whose tokens are accepted"
    )
    cognito_client_ids: Annotated[
        frozenset[str], NoDecode, BeforeValidator(_comma_separated), Field(min_length=1)
    ] = Field(..., description="app clients whose tokens are accepted, comma separated")
    cognito_issuer: str | None = Field(
        None, description="`iss` of accepted tokens; default: AWS's for region and pool"
    )
    cognito_jwks_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="where the pool's keys are; default: AWS's for region and pool",
    )
    cors_allowed_origin: str | None = Field(
        None,
        description=f"the one origin browsers may call from; local default `{LOCAL_ORIGIN}`",
    )
    rate_limit_per_minute: RateLimit | None = Field(
        None, description="requests per user in any 60 s; 0 is off; production default 100, local 0"
    )
    rate_limit_sync_per_minute: RateLimit | None = Field(
        None, description="syncs per user in any 60 s; production default 10, local 0"
    )
    rate_limit_signin_per_minute: RateLimit | None = Field(
        None,
        description="sign-ins per account and address in any 60 s; production default 5, local 0",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="where several workers or instances count together; `redis://` or `rediss://`",
    )
    gateway_workers: int = Field(
        1, ge=1, le=64, description="worker processes; above 1 with limits needs `REDIS_URL`"
    )

    @property
    def limits(self) -> dict[Limit, int]:
        """The limits that are on."""
        given = {
            Limit.USER: self.rate_limit_per_minute,
            Limit.SYNC: self.rate_limit_sync_per_minute,
            Limit.SIGN_IN: self.rate_limit_signin_per_minute,
        }
        default = _PRODUCTION_LIMITS if self.environment == "production" else {}
        chosen = {
            limit: default.get(limit, 0) if value is None else value
            for limit, value in given.items()
        }
        return {limit: value for limit, value in chosen.items() if value}

    @property
    def issuer(self) -> str:
        """The `iss` that accepted tokens carry."""
        return self.cognito_issuer or self._aws_issuer

    @property
    def jwks_url(self) -> str:
        """Where the pool publishes its keys."""
        return self.cognito_jwks_url or f"{self._aws_issuer}/.well-known/jwks.json"

    @property
    def allowed_origin(self) -> str:
        """The one origin that may call from a browser."""
        return self.cors_allowed_origin or LOCAL_ORIGIN

    @property
    def _aws_issuer(self) -> str:
        return f"https://cognito-idp.{self.aws_region}.amazonaws.com/{self.cognito_user_pool_id}"

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if self.cors_allowed_origin is None and self.environment == "production":
            raise ValueError("CORS_ALLOWED_ORIGIN is required in production")
        if not _ORIGIN.fullmatch(self.allowed_origin):
            raise ValueError("CORS_ALLOWED_ORIGIN is one origin such as https://app.example.org")
        return self

    @model_validator(mode="after")
    def _check_workers(self) -> Self:
        url = self.redis_url.get_secret_value() if self.redis_url else None
        if url is not None and not _REDIS_URL.match(url):
            raise ValueError("REDIS_URL begins with redis:// or rediss://")
        if self.gateway_workers > 1 and self.limits and url is None:
            raise ValueError(
                "GATEWAY_WORKERS above 1 with rate limits needs REDIS_URL, where the workers count together"
            )
        return self

    @model_validator(mode="after")
    def _trust_only_aws_in_production(self) -> Self:
        # J-06: whoever may choose the key set may sign in as anyone.
        if self.environment != "production":
            return self
        if not self.cognito_user_pool_id.startswith(f"{self.aws_region}_"):
            raise ValueError("COGNITO_USER_POOL_ID is not a pool of AWS_REGION")
        if self.issuer != self._aws_issuer:
            raise ValueError(
                "COGNITO_ISSUER is not AWS's for this pool; production accepts no other"
            )
        if self.jwks_url != f"{self._aws_issuer}/.well-known/jwks.json":
            raise ValueError(
                "COGNITO_JWKS_URL is not AWS's for this pool; production accepts no other"
            )
        if self.aws_endpoint_url is not None:
            raise ValueError("AWS_ENDPOINT_URL names an emulator; production accepts none")
        return self
