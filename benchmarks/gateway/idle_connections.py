"""Opens 10,000 connections to the gateway with a first request each, keeps them, and asks again (O-02)."""

import asyncio
import resource
import statistics
import time
from dataclasses import dataclass

from benchmarks.gateway.proxies import BODY, PATH, Proxy

CONNECTIONS = 10_000
ASKED_PER_SECOND = 500
"""On connections that have nothing to say for twenty seconds, as with students who leave a page open."""

SPARE_DESCRIPTORS = 200


@dataclass(frozen=True)
class Crowd:
    """What 10,000 clients at once saw, and what they cost."""

    answered: int
    p95_milliseconds: float
    resident_mib: float


def crowd(proxy: Proxy, token: str) -> Crowd:
    """Connect with a request each, as pages do; with all of them open ask once more on each."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    return asyncio.run(_crowd(proxy, token, min(CONNECTIONS, highest - SPARE_DESCRIPTORS)))


async def _crowd(proxy: Proxy, token: str, size: int) -> Crowd:
    request = f"GET {PATH} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n\r\n"
    clients: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    seconds: list[float] = []

    async def ask(number: int) -> None:
        reader, writer = clients[number]
        started = time.perf_counter()
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(BODY))
        if b" 200 " in head.split(b"\r\n")[0]:
            seconds.append(time.perf_counter() - started)

    for number in range(size):
        clients.append(await asyncio.open_connection("127.0.0.1", proxy.port))
        await ask(number)
    seconds.clear()
    asking = []
    for number in range(size):
        asking.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(1 / ASKED_PER_SECOND)
    await asyncio.gather(*asking, return_exceptions=True)
    resident = proxy.resident_mib()
    for _, writer in clients:
        writer.close()
    return Crowd(len(seconds), statistics.quantiles(seconds, n=20)[-1] * 1000, resident)
