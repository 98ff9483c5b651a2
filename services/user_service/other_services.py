"""Has course_service and schedule_service delete what they keep of groups and users."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from shared.logging import get_logger
from shared.service_calls import ServiceUnanswered, call_service
from shared.web.errors import Unavailable

log = get_logger(__name__)

TIMEOUT = httpx.Timeout(3.0, connect=1.0)
"""Deleting is a few statements; two tries stay under the gateway's 10 s."""


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
    try:
        answer = await call_service(client, "DELETE", path, body=body)
    except ServiceUnanswered:
        raise Unavailable from None
    if not answer.is_success:
        log.error("service_refused", status=answer.status_code)
        raise Unavailable


def _user_data_path(cognito_sub: str) -> str:
    return f"/internal/v1/users/{quote(cognito_sub, safe='')}/data"
