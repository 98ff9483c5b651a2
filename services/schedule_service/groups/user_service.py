"""The directory of groups that user_service keeps, asked over HTTP (rest.md I2, I3 and I5)."""

from typing import Any
from urllib.parse import quote

import httpx
import orjson

from services.schedule_service.groups.service import Role
from shared.logging import get_logger
from shared.service_calls import ServiceUnanswered, call_service
from shared.web.errors import Unavailable

log = get_logger(__name__)

TIMEOUT = httpx.Timeout(2.0, connect=1.0)
"""All answers are a table look-up away; two tries stay under the gateway's 10 s."""


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
        try:
            answer = await call_service(self._client, "GET", path)
        except ServiceUnanswered:
            raise Unavailable from None
        if answer.status_code != 200:
            log.error("user_service_refused", status=answer.status_code)
            raise Unavailable
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError as problem:
            raise _unreadable() from problem


def _segment(cognito_sub: str) -> str:
    return quote(cognito_sub, safe="")


def _unreadable() -> Unavailable:
    log.error("user_service_answer_unreadable")
    return Unavailable()
