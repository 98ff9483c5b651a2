"""Asking user_service about groups, over real connections."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from services.schedule_service.groups.service import Role
from services.schedule_service.groups.user_service import TIMEOUT, UserServiceGroups
from shared.logging import correlation_id
from shared.service_calls import service_client
from shared.web.errors import Unavailable

SUB = "7b0e0f6a-1111-4222-8333-944455556666"


class Server:
    """Answers each connection with the next prepared bytes, or never."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(request.decode())
        answer = self.answers.pop(0)
        if answer is None:
            await asyncio.sleep(30)
        writer.write(answer or b"")
        writer.close()

    @asynccontextmanager
    async def groups(self):
        listener = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        async with service_client(f"http://127.0.0.1:{port}", timeout=TIMEOUT) as client:
            yield UserServiceGroups(client)
        listener.close()


def http(body: str, status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


MEMBER = http('{"groupId": 5, "cognitoSub": "x", "member": true, "role": "ADMIN"}')
STRANGER = http('{"groupId": 5, "cognitoSub": "x", "member": false, "role": null}')


async def test_a_member_has_a_role_and_a_stranger_has_none():
    async with Server(MEMBER, STRANGER).groups() as groups:
        assert await groups.role_of(SUB, group_id=5) is Role.ADMIN
        assert await groups.role_of(SUB, group_id=5) is None


async def test_the_groups_of_a_user_are_listed():
    async with Server(http("[3, 1]")).groups() as groups:
        assert await groups.group_ids_of(SUB) == [3, 1]


async def test_the_members_of_a_group_are_listed_in_order():
    server = Server(http('["b", "a"]'))
    async with server.groups() as groups:
        assert await groups.member_subs_of(5) == ["b", "a"]
    assert server.requests[0].startswith("GET /api/internal/groups/5/members/cognito-subs ")


async def test_a_call_names_us_and_carries_the_correlation_id():
    server = Server(MEMBER)
    correlation_id.set("correlation-1")
    async with server.groups() as groups:
        await groups.role_of("a/../b", group_id=5)
    [request] = server.requests
    assert request.startswith("GET /api/internal/groups/5/members/a%2F..%2Fb HTTP/1.1")
    assert "User-Agent: UniSync/1.0" in request
    assert "X-Request-Id: correlation-1" in request


@pytest.mark.parametrize("first", [b"", http("", 500), http("", 503)], ids=["cut", "500", "503"])
async def test_one_failure_is_tried_again(first):
    """G-08, R-4"""
    async with Server(first, MEMBER).groups() as groups:
        assert await groups.role_of(SUB, group_id=5) is Role.ADMIN


@pytest.mark.parametrize(
    "answers",
    [
        [b"", b""],
        [http("", 500), http("", 502)],
        [http("{}", 404)],
        [http("", 302)],
        [http("not json")],
        [http("{}")],
        [http("[]")],
        [http('{"member": true, "role": "KING"}')],
        [http('{"member": true, "role": null}')],
    ],
    ids=str,
)
async def test_anything_but_a_plain_answer_is_an_outage(answers):
    """R-4: never `not a member`."""
    server = Server(*answers)
    async with server.groups() as groups:
        with pytest.raises(Unavailable):
            await groups.role_of(SUB, group_id=5)
    assert server.answers == []


@pytest.mark.parametrize("body", ["{}", '["3"]', "[null]", "[true]"])
async def test_a_list_of_anything_else_is_an_outage(body):
    async with Server(http(body)).groups() as groups:
        with pytest.raises(Unavailable):
            await groups.group_ids_of(SUB)


@pytest.mark.parametrize("body", ["{}", "[3]", "[null]"])
async def test_members_of_anything_else_are_an_outage(body):
    async with Server(http(body)).groups() as groups:
        with pytest.raises(Unavailable):
            await groups.member_subs_of(5)


async def test_a_closed_port_is_an_outage_at_once():
    async with service_client("http://127.0.0.1:1", timeout=TIMEOUT) as client:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await UserServiceGroups(client).group_ids_of(SUB)
    assert time.monotonic() - started < 2


async def test_silence_is_an_outage_within_the_gateways_patience():
    """G-07"""
    async with Server(None, None).groups() as groups:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await groups.role_of(SUB, group_id=5)
    assert 3.5 < time.monotonic() - started < 7
