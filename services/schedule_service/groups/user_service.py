"""The directory of groups that user_service keeps, asked over HTTP (rest.md I2, I3 and I5)."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from services.schedule_service.groups.service import Role
from shared.identity.gateway_key import gateway_key_headers
from shared.logging import correlation_id, get_logger, new_correlation_id
from shared.tracing.http_clients import ServiceClient
from shared.web.errors import Unavailable

log = get_logger(__name__)

CONNECT_TIMEOUT_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 2.0
"""Both are a table look-up away; two tries stay under the gateway's 10 s."""

MAX_TRIES = 2
"""Once more, for a read is harmless and a pooled connection may just have been closed."""

MAX_CONNECTIONS = 100


def user_service_client(base_url: str, gateway_key: str | None = None) -> httpx.AsyncClient:
    """Return an HTTP client for user_service, to be closed by whoever opened it."""
    return ServiceClient(
        base_url=base_url,
        timeout=httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        headers={
            "User-Agent": "UniSync/1.0",
            "Accept": "application/json",
            **gateway_key_headers(gateway_key),
        },
        trust_env=False,
    )


class UserServiceGroups:
    """A `GroupDirectory` that asks user_service each time: a change of roles holds from the next request."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def role_of(self, cognito_sub: str, *, group_id: int) -> Role | None:
        """Return someone's role in a group, or None.

        Raises:
            Unavailable: user_service cannot be reached or answers nonsense.
        """
        answer = await self._get(f"/api/internal/groups/{group_id}/members/{_segment(cognito_sub)}")
        try:
            return Role(answer["role"]) if answer["member"] else None
        except (KeyError, TypeError, ValueError) as problem:
            raise _unreadable() from problem

    async def group_ids_of(self, cognito_sub: str) -> list[int]:
        """Return the groups that someone is a member of.

        Raises:
            Unavailable: user_service cannot be reached or answers nonsense.
        """
        answer = await self._get(f"/api/internal/users/{_segment(cognito_sub)}/groups")
        if not isinstance(answer, list) or not all(type(group_id) is int for group_id in answer):
            raise _unreadable()
        return answer

    async def member_subs_of(self, group_id: int) -> list[str]:
        """Return the members of a group in the order they came.

        Raises:
            Unavailable: user_service cannot be reached or answers nonsense.
        """
        answer = await self._get(f"/api/internal/groups/{group_id}/members/cognito-subs")
        if not isinstance(answer, list) or not all(isinstance(sub, str) for sub in answer):
            raise _unreadable()
        return answer

    async def _get(self, path: str) -> Any:
        for attempt in range(1, MAX_TRIES + 1):
            try:
                # httpx bounds each read, not their sum: a dripping answer could take for ever.
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS):
                    answer = await self._client.get(
                        path, headers={"X-Request-Id": correlation_id.get() or new_correlation_id()}
                    )
            except (httpx.TransportError, TimeoutError) as problem:
                log.warning(
                    "user_service_unreachable", attempt=attempt, reason=type(problem).__name__
                )
                continue
            if answer.status_code == 200:
                try:
                    return orjson.loads(answer.content)
                except orjson.JSONDecodeError as problem:
                    raise _unreadable() from problem
            log.warning("user_service_failed", attempt=attempt, status=answer.status_code)
            if answer.status_code < 500:
                break
        raise Unavailable


def _segment(cognito_sub: str) -> str:
    return quote(cognito_sub, safe="")


def _unreadable() -> Unavailable:
    log.error("user_service_answer_unreadable")
    return Unavailable()
