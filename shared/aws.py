"""Opens AWS clients alike everywhere: by region, the usual credential chain, an emulator when named."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.loaders import Loader

from shared.settings import Settings

DESCRIPTIONS = Loader()
"""AWS's descriptions of its services, read once: each client would read its own, which is most of its cost."""


def aws_client(
    service: str,
    settings: Settings,
    *,
    read_timeout_seconds: float = 10,
    connect_timeout_seconds: float = 3,
    max_attempts: int = 2,
    connections: int = 20,
) -> AbstractAsyncContextManager[Any]:
    """Return a context manager that yields an aiobotocore client.

    Args:
        service: AWS service name, such as `sqs`.
        settings: Region and endpoint; credentials come from the platform's chain.
        read_timeout_seconds: Longest wait for an answer; above 20 s for long polling.
        connect_timeout_seconds: Longest wait for a connection.
        max_attempts: Tries in total; 1 for calls that must not be repeated.
        connections: Size of the connection pool.
    """
    session = get_session()
    session.register_component("data_loader", DESCRIPTIONS)
    return session.create_client(  # type: ignore[no-any-return]
        service,
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=AioConfig(
            connect_timeout=connect_timeout_seconds,
            read_timeout=read_timeout_seconds,
            retries={"total_max_attempts": max_attempts, "mode": "standard"},
            max_pool_connections=connections,
            user_agent_extra="UniSync/1.0",
        ),
    )
