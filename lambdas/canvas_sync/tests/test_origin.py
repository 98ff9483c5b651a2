"""C-04: whatever Canvas answers, the token goes to the configured origin and nothing else is connected to."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lambdas.canvas_sync.errors import SyncIncomplete

TOKEN = "4~secret-token-of-a-student"
SUB = "7b0e0f6a-1111-4222-8333-944455556666"

PRIVATE = [
    "127.0.0.1:1",
    "127.1:1",
    "127.000.000.001:1",
    "2130706433:1",
    "0x7f000001:1",
    "0177.0.0.1:1",
    "0:1",
    "0.0.0.0:1",
    "localhost:1",
    "LOCALHOST:1",
    "localhost.:1",
    "[::1]:1",
    "[0:0:0:0:0:0:0:1]:1",
    "[::ffff:127.0.0.1]:1",
    "[::ffff:7f00:1]:1",
    "[::]:1",
    "10.0.0.1",
    "10.255.255.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "100.64.0.1",
    "[fc00::1]",
    "[fe80::1]",
]
METADATA = [
    "169.254.169.254",
    "169.254.169.254:80",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "169.254.170.2",
    "metadata.google.internal",
    "instance-data",
]
FOREIGN = [
    "evil.example",
    "127.0.0.1.evil.example:{port}",
    "evil.example:{port}",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.1:{port}@evil.example",
    "user@127.0.0.1:{port}",
    "user:password@127.0.0.1:{port}",
    "{token}@evil.example",
    "evil.example#@127.0.0.1:{port}",
    "evil.example?@127.0.0.1:{port}",
    "evil.example\\@127.0.0.1:{port}",
    "127.0.0.1:{port}\\@evil.example",
    "127.0.0.1:{port}%2f@evil.example",
    "127.0.0.1:{port}%00.evil.example",
    "127.0.0.1%2eevil.example",
    "①②⑦.⓪.⓪.①:{port}",
    "evil。example",
    "127.0.0.1:99999",
    "127.0.0.1:-1",
]
PATH = "/api/v1/courses/1/assignments?page=2"
WHOLE = [
    "https://127.0.0.1:{port}" + PATH,
    "//169.254.169.254" + PATH,
    "///169.254.169.254" + PATH,
    "http:\\\\169.254.169.254" + PATH,
    "HTTP://evil.example" + PATH,
    "ftp://127.0.0.1:{port}" + PATH,
    "gopher://127.0.0.1:{port}" + PATH,
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:application/json,[]",
    "http://127.0.0.1:{port}/login/oauth2/token",
    "http://127.0.0.1:{port}/api/v10/courses",
    "http://127.0.0.1:{port}/api/v1/../../login",
    "http://127.0.0.1:{port}/api/v1/%2e%2e/%2e%2e/login",
    "http://127.0.0.1:{port}/api/v1",
    "/login",
    "../../../../login",
]
SPELLINGS = [f"http://{host}{PATH}" for host in (*PRIVATE, *METADATA, *FOREIGN)] + WHOLE


class Connections:
    """What the interpreter connects to or looks up, as its own audit events tell."""

    def __init__(self) -> None:
        self.is_watching = False
        self.seen: list[str] = []

    def note(self, event: str, arguments: Any) -> None:
        if not self.is_watching:
            return
        if event == "socket.connect":
            self.seen.append(":".join(str(part) for part in arguments[1][:2]))
        elif event == "socket.getaddrinfo":
            self.seen.append(":".join(str(part) for part in arguments[:2]))


_CONNECTIONS = Connections()
sys.addaudithook(_CONNECTIONS.note)


@pytest.fixture
def connections() -> Iterator[Connections]:
    _CONNECTIONS.seen, _CONNECTIONS.is_watching = [], True
    yield _CONNECTIONS
    _CONNECTIONS.is_watching = False


def leads(spelling: str, status: int | None) -> Callable[[Request], Response]:
    """Answer one course, whose assignments lead elsewhere: by a page link, or by a redirect."""

    def answer(request: Request) -> Response:
        if "assignments" not in request.url.path:
            return JSONResponse([{"id": 1, "name": "Operating Systems"}])
        target = spelling.encode("utf-8").decode("latin-1")
        if status is not None:
            return Response(status_code=status, headers={"Location": target})
        return JSONResponse([], headers={"Link": f'<{target}>; rel="next"'})

    return answer


def is_first_page(request: Request) -> bool:
    is_known = request.url.path in {"/api/v1/courses", "/api/v1/courses/1/assignments"}
    return is_known and "page" not in request.query_params


async def test_no_spelling_of_an_address_makes_us_connect_elsewhere(
    scripted_synchroniser: Any, scripted_canvas: Any, services: Any, connections: Connections
) -> None:
    """C-04: sixty and more spellings of private, metadata and foreign addresses, as page link and as redirect."""
    services.tokens[SUB] = TOKEN
    ours = {url.removeprefix("http://") for url in (scripted_canvas.url, services.server.url)}
    port = scripted_canvas.url.rpartition(":")[2]
    calls = 0
    followed: list[str] = []
    for spelling in SPELLINGS:
        target = spelling.format(port=port, token=TOKEN)
        for status in (None, 302, 307):
            scripted_canvas.requests.clear()
            scripted_canvas.answer = leads(target, status)

            with pytest.raises(SyncIncomplete) as caught:
                await scripted_synchroniser.run()

            assert TOKEN not in str(caught.value)
            # A header that cannot be read is asked for again; that is the same first page.
            if not all(map(is_first_page, scripted_canvas.requests)):
                followed.append(spelling)
            calls += 1
    elsewhere = set(connections.seen) - ours
    print(  # noqa: T201
        f"\nC-04: {len(SPELLINGS)} spellings, {calls} answers, {len(followed)} followed,"
        f" {len(elsewhere)} connections or look-ups elsewhere"
    )
    assert len(SPELLINGS) >= 60
    assert connections.seen
    assert (elsewhere, followed) == (set(), [])
    assert scripted_synchroniser.messages() == []
