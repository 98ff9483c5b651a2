"""Asks course_service which courses a student synchronises, and user_service for the student's token."""

import re
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr, TypeAdapter, ValidationError

from lambdas.canvas_sync.canvas.transport import USER_AGENT
from lambdas.canvas_sync.errors import EnrollmentsUnavailable, TokenUnavailable
from shared.events.event import Identifier
from shared.logging import correlation_id, get_logger

log = get_logger(__name__)

TIMEOUT_SECONDS = 5.0
"""From events.md 2.2; both calls are one indexed read."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
"""What can be sent in a header; anything else would come back inside an error message."""

_IDENTIFIER: TypeAdapter[int] = TypeAdapter(Identifier)


def neighbour_http_client() -> httpx.AsyncClient:
    """Open the HTTP client for calls to services; it ignores proxies of the environment."""
    return httpx.AsyncClient(
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=False,
    )


class Neighbours:
    """The two services that know the student."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        course_service_url: str,
        user_service_url: str,
        api_key: SecretStr,
    ) -> None:
        self._http = http
        self._course_service_url = course_service_url
        self._user_service_url = user_service_url
        self._api_key = api_key

    async def enabled_course_ids(self, cognito_sub: str) -> frozenset[int]:
        """Return the Canvas ids of the courses that the student synchronises.

        Raises:
            EnrollmentsUnavailable: course_service did not answer with a usable list.
        """
        url = f"{self._course_service_url}/internal/v1/enrollments/enabled"
        answer = await self._get(url, {"X-Cognito-Sub": cognito_sub})
        if isinstance(answer, str):
            raise EnrollmentsUnavailable(f"the enabled courses cannot be had: {answer}")
        ids: frozenset[int] | None = None
        try:
            ids = frozenset(
                _IDENTIFIER.validate_python(entry["canvasCourseId"]) for entry in answer.json()
            )
        except (ValueError, ValidationError, KeyError, TypeError):
            log.warning("enrollments_unreadable")
        if ids is None:
            raise EnrollmentsUnavailable("the enabled courses cannot be had: unusable answer")
        return ids

    async def canvas_token(self, cognito_sub: str) -> SecretStr:
        """Return the student's Canvas token.

        Raises:
            TokenUnavailable: There is none, it cannot be sent in a header, or user_service did not hand it out.
        """
        student = quote(cognito_sub, safe="")
        url = f"{self._user_service_url}/internal/v1/credentials/canvas/by-cognito-sub/{student}"
        answer = await self._get(url, {"X-Api-Key": self._api_key.get_secret_value()})
        if isinstance(answer, str):
            raise TokenUnavailable(f"the Canvas token cannot be had: {answer}")
        token: Any = None
        try:
            token = answer.json()["canvasToken"]
        except (ValueError, KeyError, TypeError):
            log.warning("token_answer_unreadable")
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise TokenUnavailable("the Canvas token cannot be had: unusable answer")
        return SecretStr(token)

    async def _get(self, url: str, headers: dict[str, str]) -> httpx.Response | str:
        """Return the answer, or why there is none: an httpx error would carry the key in its request."""
        request_id = correlation_id.get()
        if request_id is not None:
            headers = {**headers, "X-Request-Id": request_id}
        reason = ""
        # A function that slept finds connections that the other side has closed meanwhile, so a broken
        # connection says nothing before it has been tried afresh.
        for _ in range(2):
            try:
                answer = await self._http.get(url, headers=headers)
            except httpx.TimeoutException:
                return "no answer in time"
            except httpx.HTTPError as problem:
                reason = type(problem).__name__
                continue
            return answer if answer.is_success else f"status {answer.status_code}"
        return reason
