"""Fetches the services' documents when somebody asks, and keeps the merged one for a short time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson

from services.api_gateway.api_document.merging import merged_document
from services.api_gateway.errors import UpstreamUnavailable
from services.api_gateway.routes import Route, Service
from services.api_gateway.service_reader import ServiceReader, ServiceUnreadable
from shared.logging import get_logger

log = get_logger(__name__)

KEEP_SECONDS = 10.0
"""A new version of a service shows soon, and callers without a token cannot make the services work."""

FETCH_SECONDS = 3.0
"""The services have their documents ready; they answer within 100 ms."""

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
"""Twenty times the largest of the three."""


class PublishedDocument:
    """The merged document as it is served."""

    def __init__(
        self,
        reader: ServiceReader,
        routes: tuple[Route, ...],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._routes = routes
        self._clock = clock
        self._sources: list[bytes] = []
        self._merged = b""
        self._keep_until = float("-inf")
        self._refreshing: asyncio.Task[bool] | None = None

    async def current(self) -> bytes:
        """Return the document as JSON; everyone who asks meanwhile waits for the same fetch.

        Raises:
            UpstreamUnavailable: A service does not give its document.
        """
        if self._clock() < self._keep_until:
            return self._merged
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
        # A caller who leaves must not end the fetch of the others.
        if not await asyncio.shield(self._refreshing):
            raise UpstreamUnavailable
        return self._merged

    async def _refresh(self) -> bool:
        try:
            sources = await asyncio.gather(*map(self._read, Service))
            if sources != self._sources:
                documents = dict(zip(Service, map(_document, sources), strict=True))
                self._merged = orjson.dumps(merged_document(documents, self._routes))
                self._sources = sources
            self._keep_until = self._clock() + KEEP_SECONDS
        except ServiceUnreadable as problem:
            log.warning("api_document_not_read", reason=str(problem))
            return False
        except Exception:
            log.exception("api_document_not_merged")
            return False
        else:
            return True
        finally:
            self._refreshing = None

    async def _read(self, service: Service) -> bytes:
        return await self._reader.read(
            service,
            "/v3/api-docs",
            within_seconds=FETCH_SECONDS,
            max_bytes=MAX_DOCUMENT_BYTES,
        )


def _document(source: bytes) -> dict[str, Any]:
    document = orjson.loads(source)
    if not isinstance(document, dict) or not str(document.get("openapi")).startswith("3.1"):
        raise ServiceUnreadable("not an OpenAPI 3.1 document")
    return document
