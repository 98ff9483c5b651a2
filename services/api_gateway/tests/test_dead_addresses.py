"""O-05: a service's name may lead to an instance that has died, where nobody refuses and nobody answers."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from aiohappyeyeballs import AddrInfoType

from services.api_gateway.upstream.pool import CONNECT_SECONDS, ConnectionPool

DEAD, ALIVE = "127.0.0.2", "127.0.0.1"


class PoolOfTwo(ConnectionPool):
    """Finds two addresses under the name, the dead one first."""

    async def _addresses(self) -> list[AddrInfoType]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, self._port))
            for address in (DEAD, ALIVE)
        ]


@pytest.fixture
def port() -> Iterator[int]:
    """A port whose dead address swallows every attempt: a full queue of a listener that accepts nobody."""
    with ExitStack() as opened:
        dead = opened.enter_context(socket.create_server((DEAD, 0), backlog=0))
        number = dead.getsockname()[1]
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((DEAD, number))
        yield number


async def test_a_dead_address_delays_a_connection_and_fails_none(port: int) -> None:
    """O-05"""
    server = await asyncio.start_server(lambda reader, writer: None, ALIVE, port)
    async with server, PoolOfTwo(f"http://service:{port}") as pool:
        began_at = time.monotonic()
        connection = await pool.fresh()
        assert time.monotonic() - began_at < CONNECT_SECONDS / 2
        pool.give_back(connection)
