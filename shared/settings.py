"""Settings come from environment variables alone; a process with a missing one says which and ends."""

import sys
from typing import Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

EXIT_CONFIGURATION = 78
"""`EX_CONFIG` of sysexits.h: started with settings it cannot run with."""


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
