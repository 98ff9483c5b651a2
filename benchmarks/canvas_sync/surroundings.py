"""Starts what a synchronisation talks to: Canvas, the two services and a queue."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
from aiobotocore.session import get_session

from local_stack.children import end_with_parent
from local_stack.emulator import (
    ACCESS_KEY_ID,
    HEALTH_PATH,
    PROGRAM,
    REGION,
    SECRET_ACCESS_KEY,
    emulator_command,
    emulator_environment,
)
from local_stack.ports import free_port
from shared.messaging.queues import SQSClient, create_queues
from shared.testing.hostile_sqs import HostileSQS

LATENCY_MS = 60
START_SECONDS = 30.0
SUB = "7b0e0f6a-1111-4222-8333-944455556666"


@contextmanager
def _process(
    command: tuple[str, ...], environment: dict[str, str], health_url: str
) -> Iterator[None]:
    """Run a server until the block ends; it is ended by its own pid."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent(),  # noqa: PLW1509 - no threads yet
    )
    try:
        give_up_at = time.monotonic() + START_SECONDS
        while not _is_healthy(health_url):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{command[-1]} did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def running_canvas() -> Iterator[str]:
    """Run the sandbox in a process of its own and yield its base URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "local_stack.canvas_sandbox")
    with _process(command, {"PORT": str(port)}, f"{url}/_sandbox/state"):
        yield url


@contextmanager
def running_emulator() -> Iterator[str | None]:
    """Run the AWS emulator and yield its endpoint, or nothing when it is not installed."""
    if not PROGRAM.exists():
        yield None
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as directory:
        environment = emulator_environment(port, Path(directory))
        with _process(emulator_command(), environment, url + HEALTH_PATH):
            yield url


@asynccontextmanager
async def opened_queue(endpoint: str | None) -> AsyncIterator[SQSClient]:
    """Yield an SQS client with all queues made: in memory without an endpoint, else over the real protocol."""
    if endpoint is None:
        in_memory = HostileSQS(copies=1)
        await create_queues(in_memory, {})
        yield in_memory
        return
    async with get_session().create_client(
        "sqs",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    ) as client:
        await create_queues(client, {})
        yield client


class CanvasControl:
    """The sandbox's control API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=120, trust_env=False)

    async def arrange(self, **shape: Any) -> tuple[str, list[int]]:
        """Make a semester with 60 ms latency and return a student's token and the ids of the courses."""
        await self._call("POST", "/_sandbox/reset", json=shape)
        student = await self._call("POST", "/_sandbox/users", json={})
        state = await self._call("GET", "/_sandbox/state")
        await self._call("PUT", "/_sandbox/faults", json={"latency_ms": LATENCY_MS})
        return student["token"], [course["id"] for course in state["courses"] if course["name"]]

    async def forget_requests(self) -> None:
        """Count anew."""
        await self._call("DELETE", "/_sandbox/requests")

    async def requests(self) -> dict[str, Any]:
        """Return what was counted."""
        counted: dict[str, Any] = await self._call("GET", "/_sandbox/requests")
        return counted

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = await self._http.request(method, path, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@asynccontextmanager
async def running_services(token: str, course_ids: list[int]) -> AsyncIterator[str]:
    """Answer for user_service and course_service: one student with a token and all courses enabled."""
    enabled = [
        {"courseId": 1, "canvasCourseId": number, "courseName": "-"} for number in course_ids
    ]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _request_head(reader):
            answer: Any = enabled if b"/enrollments/" in request else {"canvasToken": token}
            body = json.dumps(answer).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            writer.write(head + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close()


async def _request_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
