"""Stands for a name in service discovery: one address, and behind it whichever instances callers still know."""

import asyncio
from collections import Counter

from local_stack.ports import LOOPBACK

CHUNK_BYTES = 64 * 1024


class Balancer:
    """Spreads connections over ports; one that refuses is passed over, as a caller does with several addresses."""

    def __init__(self) -> None:
        self.port = 0
        self.targets: list[int] = []
        self.connections: Counter[int] = Counter()
        """How many each port has ever been given."""
        self.misses: Counter[int] = Counter()
        """How many met nobody at a port; on AWS those would wait for packets that nobody answers."""
        self._server: asyncio.Server | None = None
        self._turn = 0
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._open.add(this)
        this.add_done_callback(self._open.discard)
        onward: asyncio.StreamWriter | None = None
        try:
            found = await self._connect()
            if found is None:
                return
            server, onward = found
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(client, onward))
                both.create_task(_pump(server, back))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for writer in (back, onward):
                if writer is not None:
                    writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self._turn += 1
        targets = list(self.targets)
        for offset in range(len(targets)):
            port = targets[(self._turn + offset) % len(targets)]
            try:
                connection = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                self.misses[port] += 1
                continue
            self.connections[port] += 1
            return connection
        return None


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends, and then end the other in the same way."""
    try:
        while data := await source.read(CHUNK_BYTES):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.close()
    except OSError:
        sink.transport.abort()
