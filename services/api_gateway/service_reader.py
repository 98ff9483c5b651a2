"""Reads a service's own answers for the gateway: bounded in time and length, never on behalf of a caller."""

from collections.abc import Mapping

import aiohttp

from services.api_gateway.routes import Service
from shared.tracing.spans import UNRECORDED


class ServiceUnreadable(Exception):
    """The service did not give the whole answer in time; the text says why, for the log."""


class AnswerTooLong(Exception):
    """A body is longer than anything expected there."""


class ServiceReader:
    """One small pool of connections beside those that carry callers' requests."""

    def __init__(self, base_urls: Mapping[Service, str], gateway_key: str | None) -> None:
        self._base_urls = base_urls
        # What is asked every other second, for nobody, is no trace that anybody follows.
        self._headers = {
            "Accept-Encoding": "identity",
            "User-Agent": "unisync-api-gateway",
            "traceparent": UNRECORDED,
        }
        if gateway_key is not None:
            self._headers["X-Gateway-Key"] = gateway_key
        self._session: aiohttp.ClientSession | None = None

    async def read(
        self,
        service: Service,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        within_seconds: float,
        max_bytes: int,
    ) -> bytes:
        """Return the body of a 200 answer to GET.

        Raises:
            ServiceUnreadable: Not reached, another status, too slow or too long.
        """
        try:
            async with self._open_session().get(
                self._base_urls[service] + path,
                params=query,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=within_seconds),
            ) as answer:
                if answer.status != 200:
                    raise ServiceUnreadable(f"status {answer.status}")
                return await read_bounded(answer, max_bytes)
        except (aiohttp.ClientError, OSError, TimeoutError, AnswerTooLong) as problem:
            raise ServiceUnreadable(type(problem).__name__) from problem

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
            )
        return self._session


async def read_bounded(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return a whole body.

    Raises:
        AnswerTooLong: It is longer than `max_bytes`; no more than that has been kept.
    """
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > max_bytes:
            raise AnswerTooLong
    return bytes(body)
