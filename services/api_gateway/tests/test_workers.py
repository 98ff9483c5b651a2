"""Several gateways behind one port, as the process starts them."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from services.api_gateway.metrics import POUR_SECONDS
from services.api_gateway.tests.conftest import gateway_settings
from services.api_gateway.tests.doubles import (
    Client,
    EndedSessions,
    SigningKey,
    Upstream,
    answer,
    id_claims,
    key_set,
)

PATH = "/api/v1/todos"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def _two_workers(
    signing_key: SigningKey, redis_url: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Client, Client]]:
    async with Upstream().listening() as service, Upstream().listening() as keys:
        service.background["/internal/v1/revocations"] = EndedSessions()
        keys.answer = answer(key_set(signing_key.jwk()))
        parts = dict.fromkeys(("user", "course", "schedule"), service) | {"keys": keys}
        port, management_port = _free_port(), _free_port()
        settings = gateway_settings(
            parts,
            port=port,
            management_port=management_port,
            redis_url=redis_url,
            rate_limit_per_minute=100,
            gateway_workers=2,
        )
        given = settings.model_dump(exclude_none=True) | {"redis_url": redis_url}
        given["cognito_client_ids"] = ",".join(settings.cognito_client_ids)
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {name.upper(): str(value) for name, value in given.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.api_gateway",
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            public = Client(port)
            for _ in range(200):
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    assert (await public.send("GET", "/actuator/health")).status == 200
                    break
                await asyncio.sleep(0.05)
            yield process, public, Client(management_port)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 10)


def _children(pid: int) -> list[int]:
    """Return the workers: the parent has another child, which tracks what they share."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child) for child in pids if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


async def test_two_workers_hold_one_limit_and_survive_each_other(
    signing_key: SigningKey, redis_url: str
) -> None:
    """S-05, O-05: 100 a minute over both, one place for metrics, a killed worker is replaced, SIGTERM ends all."""
    bearer = ("Authorization", f"Bearer {signing_key.token(id_claims())}")
    async with _two_workers(signing_key, redis_url) as (process, public, management):
        pids = _children(process.pid)
        assert len(pids) == 2
        statuses: Counter[int] = Counter()
        for _ in range(5):
            answers = await asyncio.gather(*(public.send("GET", PATH, [bearer]) for _ in range(30)))
            statuses.update(response.status for response in answers)
        print(f"{dict(statuses)} of 150 requests over two workers")  # noqa: T201
        assert set(statuses) == {200, 429}
        assert 90 <= statuses[200] <= 110
        await asyncio.sleep(2 * POUR_SECONDS)
        metrics = (await management.send("GET", "/actuator/prometheus")).body.decode()
        served = f'gateway_requests_total{{route="{PATH}",status_class="2xx"}} {statuses[200]}.0'
        assert served in metrics
        os.kill(pids[0], signal.SIGKILL)
        async with asyncio.timeout(10):
            while len(_children(process.pid)) < 2 or pids[0] in _children(process.pid):
                await asyncio.sleep(0.05)
        assert (await public.send("GET", "/actuator/health")).status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)  # noqa: ASYNC240
