"""A TCP proxy in front of a server: sees what passes, step by step, and can be away."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from local_stack.ports import LOOPBACK

CHUNK_BYTES = 256 * 1024

SQS_CALL = re.compile(rb"x-amz-target: AmazonSQS\.(\w+)", re.IGNORECASE)
SQL_QUERY = 3
"""MySQL's COM_QUERY, the fifth byte of a packet."""


@dataclass(frozen=True)
class Step:
    """What is about to pass: a call or statement on its way in, or the answer to one on its way out."""

    name: str
    phase: Literal["asked", "answered"]
    data: bytes


Watcher = Callable[[Step], bool]
"""Sees a step before it passes; what it answers False to is dropped with its connection."""


def step_name(data: bytes) -> str | None:
    """Return the name of the SQS call or the first word of the SQL statement in a piece of a request."""
    call = SQS_CALL.search(data)
    if call is not None:
        return call[1].decode()
    if len(data) > 5 and data[4] == SQL_QUERY:
        words = data[5:45].split(None, 1)
        return words[0].decode("ascii", "replace").upper() if words else None
    return None


class Proxy:
    """Passes connections on to one server; `close` is an outage, `open` its end."""

    def __init__(self, port: int, watch: Watcher = lambda step: True) -> None:
        self.port = 0
        self.watch = watch
        self._target_port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take connections, always on the same port."""
        self._server = await asyncio.start_server(
            self._serve, LOOPBACK, self.port, limit=CHUNK_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections and cut the existing ones."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._connections:
            await asyncio.wait(self._connections)
        # Sockets are closed one turn of the loop later; until then a server keeps what they have locked.
        await asyncio.sleep(0.01)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._connections.add(this)
        this.add_done_callback(self._connections.discard)
        self._writers.add(back)
        onward: asyncio.StreamWriter | None = None
        try:
            server, onward = await asyncio.open_connection(
                LOOPBACK, self._target_port, limit=CHUNK_BYTES
            )
            self._writers.add(onward)
            connection = _Connection(self)
            pumps = [
                asyncio.create_task(connection.pump_requests(client, onward)),
                asyncio.create_task(connection.pump_answers(server, back)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
        except OSError:
            pass
        finally:
            for writer in (back, onward):
                if writer is not None:
                    self._writers.discard(writer)
                    writer.transport.abort()


class _Connection:
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._asked: str | None = None

    async def pump_requests(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                name = step_name(data)
                if name is not None:
                    self._asked = name
                    if not self._proxy.watch(Step(name, "asked", data)):
                        return
                sink.write(data)
                await sink.drain()

    async def pump_answers(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                name = self._asked
                if name is not None and not self._proxy.watch(Step(name, "answered", data)):
                    return
                sink.write(data)
                await sink.drain()
