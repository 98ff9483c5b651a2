"""Asks a process whether it is healthy, by the address of its health check."""

import asyncio
import ssl
from urllib.parse import urlsplit

import httpx

TIMEOUT_SECONDS = 3.0

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Checks are plain HTTP: loading the system's certificates would cost 25 ms each."""


async def is_healthy(check: str) -> bool:
    """Tell whether a process answers at `http://...` with 200, or speaks at `mysql://` or `redis://host:port`."""
    parts = urlsplit(check)
    if parts.scheme == "mysql":
        return await _speaks(parts.hostname or "", parts.port or 3306)
    if parts.scheme == "redis":
        return await _speaks(parts.hostname or "", parts.port or 6379, when_told=b"PING\r\n")
    try:
        async with httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, trust_env=False, verify=NO_AUTHORITIES
        ) as client:
            return (await client.get(check)).status_code == 200
    except httpx.HTTPError:
        return False


async def all_healthy(checks: tuple[str, ...]) -> bool:
    """Tell whether every check of a process passes."""
    return all(await asyncio.gather(*map(is_healthy, checks)))


async def _speaks(host: str, port: int, *, when_told: bytes = b"") -> bool:
    """A MySQL server speaks first, and only once it is up; a bare connect succeeds earlier."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(when_told)
                return bool(await reader.read(1))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
