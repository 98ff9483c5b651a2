"""O-05: the health check of containers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from local_stack.ports import free_port
from shared.web.health import always_ready, management_app
from shared.web.serving import DrainingServer, listen, server_config


@asynccontextmanager
async def management_port() -> AsyncIterator[int]:
    listener = listen("127.0.0.1", 0)
    server = DrainingServer(server_config(management_app(always_ready)))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def exit_code(port: int) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.web.liveness"),
        env={"MANAGEMENT_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    return await process.wait()


async def test_a_living_process_passes_its_health_check() -> None:
    async with management_port() as port:
        assert await exit_code(port) == 0


async def test_a_process_that_does_not_answer_fails_its_health_check() -> None:
    assert await exit_code(free_port()) == 1
