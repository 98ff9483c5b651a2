"""Answers an exchange from an ASGI app: the gateway's own pages, which need no speed."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message

from services.api_gateway.paths import encoded_path
from services.api_gateway.server.exchange import Exchange

_NOSNIFF = b"x-content-type-options: nosniff\r\n"


async def answer_from(app: ASGIApp, exchange: Exchange, path: str, query: bytes) -> None:
    """Run the app and write its answer at once; its pages are files and small documents.

    Args:
        app: Reads no body.
        exchange: The request.
        path: Its canonical path.
        query: Its query as it came.
    """
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    fields: list[bytes] = []
    body = bytearray()

    has_asked = False

    async def receive() -> Message:
        nonlocal has_asked
        if has_asked:
            # Whoever asks again waits for the client to leave, which cancels this.
            await asyncio.get_running_loop().create_future()
        has_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            fields.extend(
                b"%b: %b\r\n" % (name, value)
                for name, value in message["headers"]
                if name != b"content-length" or exchange.method == "HEAD"
            )
        else:
            body.extend(message.get("body", b""))

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": exchange.method,
        "scheme": "http",
        "path": path,
        "raw_path": encoded_path(path).encode("ascii"),
        "query_string": query,
        "root_path": "",
        "headers": exchange.headers.fields,
        "client": (exchange.client, 0),
        "server": None,
    }
    await app(scope, receive, send)
    fields.append(_NOSNIFF)
    if exchange.method == "HEAD":
        exchange.answer_bare(status, fields)
    else:
        exchange.answer(status, fields, bytes(body))
