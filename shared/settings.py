"""Settings come from environment variables alone; a process with a missing one says which and ends."""

import re
import sys
from typing import Annotated, Literal, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EXIT_CONFIGURATION = 78
"""`EX_CONFIG` of sysexits.h: started with settings it cannot run with."""


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL with a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must have neither credentials, query nor fragment")
    return text.rstrip("/")


BaseURL = Annotated[str, AfterValidator(_base_url)]
"""Where paths are appended; kept without the slash at its end."""


class Settings(BaseSettings):
    """What every process and function reads. An empty variable counts as unset."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    environment: Literal["local", "production"] = Field(
        "production", description="`local` relaxes what only a developer's machine may relax"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severe level that is logged"
    )
    aws_region: str = Field(
        "ap-northeast-2", description="AWS region of queues, pool and functions"
    )
    aws_endpoint_url: str | None = Field(None, description="AWS emulator to talk to; unset on AWS")


class ServerSettings(Settings):
    """What every process with a management port reads."""

    host: str = Field("127.0.0.1", description="address to listen on; `0.0.0.0` in a container")
    management_port: int = Field(
        ..., ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )


class DatabaseSettings(Settings):
    """What everything that opens a database reads."""

    database_url: str = Field(
        ...,
        pattern=r"^mysql://[^@/]+@[^@/]+/\w+$",
        description="`mysql://user:password@host:port/database`; the code picks the driver",
    )


class GatewayKeySettings(Settings):
    """What everything reads that calls a service, or is called by the gateway."""

    gateway_key: SecretStr | None = Field(
        None,
        description="`X-Gateway-Key` of calls from gateway and services, 16 to 256 visible characters; "
        "services refuse calls without it; unset: nobody asks for it",
    )

    @model_validator(mode="after")
    def _check_gateway_key(self) -> Self:
        key = self.gateway_key_text
        if key is not None and not re.fullmatch(r"[\x21-\x7e]{16,256}", key):
            raise ValueError("GATEWAY_KEY is 16 to 256 visible ASCII characters")
        return self

    @property
    def gateway_key_text(self) -> str | None:
        """The key itself."""
        return self.gateway_key.get_secret_value() if self.gateway_key else None


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class SettingsError(Exception):
    """The environment lacks settings or holds unusable ones; the message names each."""


def read_settings(settings_class: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment.

    Raises:
        SettingsError: Some are missing or wrong.
    """
    try:
        return settings_class()
    except ValidationError as problem:
        missing = [str(e["loc"][0]).upper() for e in problem.errors() if e["type"] == "missing"]
        wrong = [
            f"{str(e['loc'][0]).upper() if e['loc'] else 'settings'} ({e['msg']})"
            for e in problem.errors()
            if e["type"] != "missing"
        ]
    parts = []
    if missing:
        parts.append(f"missing setting {', '.join(missing)}: set the environment variable")
    if wrong:
        parts.append(f"unusable setting {', '.join(wrong)}")
    # Outside the except block: pydantic's error repeats the values, secrets among them.
    raise SettingsError("; ".join(parts))


def load_settings(settings_class: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment, or end the process naming each one that is missing or wrong."""
    try:
        return read_settings(settings_class)
    except SettingsError as problem:
        exit_with_error(str(problem), code=EXIT_CONFIGURATION)


def exit_with_error(message: str, *, code: int = 1) -> NoReturn:
    """End the process with one `error: ...` line on standard error."""
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(code)
