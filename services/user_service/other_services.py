"""Has course_service and schedule_service delete what they keep of groups and users."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from shared.identity.gateway_key import gateway_key_headers
from shared.logging import correlation_id, get_logger, new_correlation_id
from shared.tracing.http_clients import ServiceClient
from shared.web.errors import Unavailable

log = get_logger(__name__)

CONNECT_TIMEOUT_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 3.0
"""Deleting is a few statements; two tries stay under the gateway's 10 s."""

MAX_TRIES = 2
"""Once more, for deleting again is harmless and a pooled connection may just have been closed."""


def service_client(base_url: str, gateway_key: str | None = None) -> httpx.AsyncClient:
    """Return an HTTP client for one of our services, to be closed by whoever opened it."""
    return ServiceClient(
        base_url=base_url,
        timeout=httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
        headers={
            "User-Agent": "UniSync/1.0",
            "Accept": "application/json",
            **gateway_key_headers(gateway_key),
        },
        follow_redirects=False,
        trust_env=False,
    )


class CourseService:
    """course_service, as the keeper of users' enrollments."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def delete_user_data(self, cognito_sub: str, group_owners: Mapping[int, str]) -> None:
        """Delete everything of a user; groups have nothing there.

        Raises:
            Unavailable: It is not known to be done.
        """
        await _delete(self._client, _user_data_path(cognito_sub))


class ScheduleService:
    """schedule_service, as the keeper of what users and groups plan."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def delete_group_data(self, group_id: int) -> None:
        """Delete everything of a group (rest.md I7).

        Raises:
            Unavailable: It is not known to be done.
        """
        await _delete(self._client, f"/api/internal/groups/{group_id}/data")

    async def delete_user_data(self, cognito_sub: str, group_owners: Mapping[int, str]) -> None:
        """Delete everything of a user; what the user made in a group passes to the group's owner.

        Raises:
            Unavailable: It is not known to be done.
        """
        owners = {str(group_id): owner for group_id, owner in group_owners.items()}
        await _delete(self._client, _user_data_path(cognito_sub), {"groupOwners": owners})


async def _delete(client: httpx.AsyncClient, path: str, body: Any = None) -> None:
    for attempt in range(1, MAX_TRIES + 1):
        try:
            # httpx bounds each read, not their sum: a dripping answer could take for ever.
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS):
                answer = await client.request(
                    "DELETE",
                    path,
                    json=body,
                    headers={"X-Request-Id": correlation_id.get() or new_correlation_id()},
                )
        except (httpx.TransportError, TimeoutError) as problem:
            log.warning("service_unreachable", attempt=attempt, reason=type(problem).__name__)
            continue
        if answer.is_success:
            return
        log.warning("service_failed", attempt=attempt, status=answer.status_code)
        if answer.status_code < 500:
            break
    raise Unavailable


def _user_data_path(cognito_sub: str) -> str:
    return f"/internal/v1/users/{quote(cognito_sub, safe='')}/data"
