"""The load itself: it offers what it was told to, and tells of every request once."""

import asyncio
from collections import Counter

from tests.soak.open_load import OpenLoad

PER_SECOND = 300
SECONDS = 0.5


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer by what the path asks for, for as long as the client stays."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ")[1]
            if path == b"/cut":
                break
            closes = b"connection: close\r\n" if path == b"/last" else b""
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n%b\r\nha" % closes)
            await writer.drain()
            await asyncio.sleep(0.005)
            writer.write(b"lf")
            if closes:
                break
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


async def test_every_request_is_told_of_once() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        load = OpenLoad(url, ("/pieces", "/last", "/cut"), {})
        offered = await load.offer(PER_SECOND, SECONDS)
        assert Counter(each.status for each in offered) == {200: 100, 0: 50}
        assert min(each.seconds for each in offered if each.status == 200) >= 0.005
        most = await OpenLoad(url, ("/pieces",), {}).as_many_as_possible(4, SECONDS)
        assert {each.status for each in most} == {200}
        assert len(most) > 4


async def test_nobody_there_is_no_answer() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    refused = await OpenLoad(url, ("/pieces",), {}).offer(PER_SECOND, SECONDS / 5)
    assert [each.status for each in refused] == [0] * int(PER_SECOND * SECONDS / 5)
