"""Asks Canvas for the owner of a token, within bounds on time, size and destination."""

import asyncio
from typing import Any

import httpx
import orjson

from services.user_service.integrations.canvas import CanvasProfile
from services.user_service.integrations.errors import CanvasUnavailable, InvalidCanvasToken
from shared.logging import correlation_id, get_logger
from shared.tracing.http_clients import OutsideClient

log = get_logger(__name__)

TIMEOUT_SECONDS = 4.0
"""The whole answer to the user comes within five seconds (rest.md E23)."""

MAX_BODY_BYTES = 64 * 1024
"""A profile is about 1 KB."""

MAX_TEXT_LENGTH = 255
"""Width of the columns for the id and the login."""


def canvas_http_client() -> httpx.AsyncClient:
    """Return an HTTP client that goes where it is told and nowhere else: no redirects, no proxy settings."""
    return OutsideClient(
        follow_redirects=False,
        trust_env=False,
        timeout=TIMEOUT_SECONDS,
        # Canvas refuses calls without a User-Agent. Plain bodies keep the size limit honest.
        headers={
            "User-Agent": "UniSync/1.0",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        },
    )


class CanvasClient:
    """The institution's Canvas.

    Args:
        http: A client from `canvas_http_client`.
        base_url: Scheme and host, without `/api/v1`.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str) -> None:
        self._http = http
        self._profile_url = f"{base_url}/api/v1/users/self/profile"

    async def read_profile(self, token: str) -> CanvasProfile:
        """Return the profile of the token's owner.

        Raises:
            InvalidCanvasToken: Canvas answers 4xx.
            CanvasUnavailable: No answer in time, a throttled one, or one that is not a profile.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status, body = await self._get(token)
        except (httpx.HTTPError, OSError, TimeoutError) as problem:
            log.warning("canvas_unreachable", reason=type(problem).__name__)
            raise CanvasUnavailable from problem
        if _is_throttled(status, body):
            log.warning("canvas_throttles", status=status)
            raise CanvasUnavailable
        if 400 <= status < 500:
            log.info("canvas_token_refused", status=status)
            raise InvalidCanvasToken
        if not 200 <= status < 300:
            log.warning("canvas_failed", status=status)
            raise CanvasUnavailable
        return _profile(body)

    async def _get(self, token: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}"}
        request_id = correlation_id.get()
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        async with self._http.stream("GET", self._profile_url, headers=headers) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    break
            return response.status_code, bytes(body[: MAX_BODY_BYTES + 1])


def _is_throttled(status: int, body: bytes) -> bool:
    # 429 on current servers; older ones say 403 with this text, which is not about the token.
    return status == 429 or (status == 403 and b"rate limit exceeded" in body.lower())


def _profile(body: bytes) -> CanvasProfile:
    try:
        if len(body) > MAX_BODY_BYTES:
            raise ValueError("too large")
        answer = orjson.loads(body)
        user_id = _text(answer["id"])
        if user_id is None:
            raise ValueError("id")
        return CanvasProfile(user_id, _text(answer.get("login_id")))
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        log.warning("canvas_answer_unreadable", reason=type(problem).__name__)
        raise CanvasUnavailable from problem


def _text(value: Any) -> str | None:
    """Return a number or text as text that fits its column; anything else counts as absent."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value)[:MAX_TEXT_LENGTH] or None
