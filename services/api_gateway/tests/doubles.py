"""Real servers on loopback that record and misbehave on request, a user pool, and a client that sends bytes as told."""

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from services.api_gateway.process import GatewayProcess
from services.api_gateway.tokens.revocations import LatestRevocations

POOL_ID = "ap-northeast-2_TestPool1"
ISSUER = f"https://cognito-idp.ap-northeast-2.amazonaws.com/{POOL_ID}"
CLIENT_ID = "client-of-the-app"

Headers = list[tuple[str, str]]


@dataclass
class Message:
    """An HTTP request or answer as it was on the wire; `start` is its first line."""

    start: str
    headers: Headers
    body: bytes = b""
    trailing: bytes = b""

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header.lower() == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} occurs {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


async def read_message(
    reader: asyncio.StreamReader, *, has_body: Callable[[Message], bool] = lambda _: True
) -> Message:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
    start, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    message = Message(start, headers)
    if not has_body(message):
        return message
    if "chunked" in (message.one("transfer-encoding") or ""):
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            message.body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    elif length := message.one("content-length"):
        message.body = await reader.readexactly(int(length))
    return message


Answer = Callable[[Message, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"{}", status: str = "200 OK", headers: Headers | None = None) -> Answer:
    """Return an answer with a length."""

    async def write(_: Message, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers or []]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return write


def raw_answer(data: bytes, *, then_close: bool = True) -> Answer:
    """Return an answer of exactly these bytes."""

    async def write(_: Message, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if then_close:
            writer.close()

    return write


@dataclass
class EndedSessions:
    """user_service's list of ended sessions."""

    ended: dict[str, float] = field(default_factory=dict)
    polls: list[str] = field(default_factory=list)
    fails: bool = False

    def end(self, sub: str, at: float | None = None) -> None:
        self.ended[sub] = time.time() if at is None else at

    async def __call__(self, request: Message, writer: asyncio.StreamWriter) -> None:
        since = parse_qs(urlsplit(request.target).query)["since"][0]
        self.polls.append(since)
        if self.fails:
            await answer(b"{}", "503 Service Unavailable")(request, writer)
            return
        body = {
            "revocations": [
                {"cognitoSub": sub, "revokedBefore": _moment(at)}
                for sub, at in self.ended.items()
                if at >= datetime.fromisoformat(since).timestamp()
            ],
            "now": _moment(time.time()),
        }
        await answer(json.dumps(body).encode())(request, writer)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


async def no_revocations(_: float) -> LatestRevocations:
    """Tell that no session has ended."""
    return LatestRevocations([], time.time())


async def hang(_: Message, __: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.sleep(60)


async def reset(_: Message, writer: asyncio.StreamWriter) -> None:
    """Reset the connection instead of answering."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.close()


@dataclass
class Upstream:
    """An HTTP server that records what arrives and answers as told."""

    answer: Answer = field(default_factory=answer)
    requests: list[Message] = field(default_factory=list)
    # By path: what is answered without being recorded, for what the gateway asks by itself.
    background: dict[str, Answer] = field(default_factory=dict)
    connections: int = 0
    # Set when a peer ends a connection.
    cut_off: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Upstream"]:
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            tasks.add(task)
            self.connections += 1
            try:
                await self._serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.cut_off.set()
            except asyncio.CancelledError:
                # The test is over; asyncio would report the cancelled task as an error.
                pass
            writer.close()
            tasks.discard(task)

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            request = await read_message(reader)
            background = self.background.get(request.target.split("?")[0])
            if background is None:
                self.requests.append(request)
            answering = asyncio.ensure_future((background or self.answer)(request, writer))
            leaving = asyncio.ensure_future(_until_closed(reader))
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if not answering.done():
                self.cut_off.set()
                answering.cancel()
                return
            answering.result()
            await writer.drain()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(gateway: GatewayProcess) -> AsyncIterator[int]:
    """Serve a gateway on a free port, as its process does."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setblocking(False)
    stopping = asyncio.Event()
    task = asyncio.create_task(gateway.serve(listener, stopping))
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        await task


class Client:
    """Sends requests byte by byte as written: HTTP libraries tidy paths and headers up before sending."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def send(
        self,
        method: str,
        target: str | bytes,
        headers: Headers | None = None,
        body: bytes | None = None,
    ) -> Message:
        """Send one request on its own connection and return the answer."""
        lines = [*(headers or [])]
        if not any(name.lower() == "host" for name, _ in lines):
            lines.insert(0, ("Host", f"127.0.0.1:{self.port}"))
        if body is not None:
            lines.append(("Content-Length", str(len(body))))
        raw_target = target.encode() if isinstance(target, str) else target
        head = b"".join(
            f"{name}: {value}\r\n".encode("utf-8", "surrogateescape") for name, value in lines
        )
        return await self.send_bytes(
            method.encode() + b" " + raw_target + b" HTTP/1.1\r\n" + head + b"\r\n" + (body or b""),
            method,
        )

    async def send_bytes(self, data: bytes, method: str = "GET") -> Message:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            async with asyncio.timeout(15):
                return await read_message(
                    reader,
                    has_body=lambda m: method != "HEAD" and m.status not in {204, 304},
                )
        finally:
            writer.close()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class SigningKey:
    """One RSA key of a pool; the id has the characters that AWS and emulators use."""

    def __init__(self, bits: int = 2048, key_id: str | None = None) -> None:
        self.private = rsa.generate_private_key(65537, bits)
        self.key_id = key_id or f"{uuid4().hex}/a+b="

    def jwk(self, **changes: Any) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        entry = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.key_id,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }
        return {**entry, **changes}

    def sign(self, signing_input: bytes) -> bytes:
        return self.private.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())

    def token(
        self,
        claims: dict[str, Any] | bytes,
        header: dict[str, Any] | bytes | None = None,
    ) -> str:
        """Return a signed token; a header given as a dict is added to the usual one."""
        if not isinstance(header, bytes):
            header = json.dumps({"kid": self.key_id, "alg": "RS256", **(header or {})}).encode()
        if not isinstance(claims, bytes):
            claims = json.dumps(claims).encode()
        signing_input = f"{base64url(header)}.{base64url(claims)}".encode()
        return f"{signing_input.decode()}.{base64url(self.sign(signing_input))}"


def id_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of an id token; a change to None leaves the claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "11111111-2222-4333-8444-555555555555",
        "aud": CLIENT_ID,
        "token_use": "id",
        "auth_time": now - 10,
        "iat": now - 10,
        "exp": now + 3600,
        "email": "student@example.ac.kr",
        "name": "김민수",
        "jti": uuid4().hex,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def access_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of an access token."""
    return id_claims(
        **{
            "aud": None,
            "email": None,
            "name": None,
            "token_use": "access",
            "client_id": CLIENT_ID,
            "scope": "aws.cognito.signin.user.admin",
            **changes,
        }
    )


def key_set(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": entries}).encode()
