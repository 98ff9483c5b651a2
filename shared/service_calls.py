"""How our processes call our services: bounded in time, once more where that is harmless, no secret in an error."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from shared.logging import correlation_id, get_logger, new_correlation_id
from shared.tracing.http_clients import ServiceClient

log = get_logger(__name__)

USER_AGENT = "UniSync/1.0"

MAX_TRIES = 2
"""Once more, for a pooled connection may just have been closed, or an instance replaced."""

MAX_CONNECTIONS = 100

GATEWAY_KEY_HEADER = "X-Gateway-Key"
API_KEY_HEADER = "X-Api-Key"
"""By the first a service knows the gateway and the other services, by the second our functions (G-03)."""


class ServiceUnanswered(Exception):
    """A service did not answer or failed; the message says how, and holds neither address nor key."""


def service_client(
    base_url: str,
    *,
    timeout: httpx.Timeout,
    gateway_key: str | None = None,
    api_key: str | None = None,
) -> httpx.AsyncClient:
    """Return an HTTP client for one of our services, to be closed by whoever opened it.

    Args:
        base_url: Of the service.
        timeout: Of connecting and of reading; together they bound each try.
        gateway_key: Proves that a service calls, where one is configured.
        api_key: Proves that a function calls.
    """
    keys = {GATEWAY_KEY_HEADER: gateway_key, API_KEY_HEADER: api_key}
    return ServiceClient(
        base_url=base_url,
        timeout=timeout,
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        headers={
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            **{name: key for name, key in keys.items() if key is not None},
        },
        follow_redirects=False,
        trust_env=False,
    )


async def call_service(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Return a service's answer, whatever its status below 500, to a call that does no harm when it is repeated.

    Args:
        client: From `service_client`.
        method: Of the call.
        path: Below the client's base URL, with its query.
        body: Sent as JSON unless it is None.
        headers: Besides the client's and the request's id.

    Raises:
        ServiceUnanswered: Two tries brought no answer, or only failures.
    """
    sent = {"X-Request-Id": correlation_id.get() or new_correlation_id(), **(headers or {})}
    # httpx bounds each read, not their sum: a dripping answer could take for ever.
    seconds = (client.timeout.connect or 0.0) + (client.timeout.read or 0.0)
    reason = ""
    for attempt in range(1, MAX_TRIES + 1):
        try:
            async with asyncio.timeout(seconds):
                answer = await client.request(method, path, json=body, headers=sent)
        except (httpx.HTTPError, TimeoutError) as problem:
            reason = type(problem).__name__
        else:
            if answer.status_code < 500:
                return answer
            reason = f"status {answer.status_code}"
        log.warning("service_call_failed", attempt=attempt, reason=reason)
    # Outside the except block: httpx's errors hold the request, and so its keys.
    raise ServiceUnanswered(reason)
