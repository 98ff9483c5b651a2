"""O-05: what students notice of dying instances, and what operators see of a missing dependency."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from local_stack.ports import LOOPBACK
from tests.chaos.availability import read_while_instances_die, seconds_to_recover
from tests.chaos.instances import Instance, environment_of
from tests.chaos.proxy import Proxy

pytestmark = pytest.mark.chaos

AFTER_A_RESTART = ("user_service", "course_service", "schedule_service", "gateway")
WITH_A_DATABASE = (
    "user_service",
    "course_service",
    "schedule_service",
    "course_service_worker",
    "schedule_service_worker",
)


async def test_reads_survive_a_killed_instance_every_six_seconds(
    now: dict[str, Any], tmp_path: Path
) -> None:
    """O-05: two instances of each process; the database, of which there is one, is restarted, too."""
    outcome = await read_while_instances_die(now, tmp_path, seconds=60, kill_every_seconds=6)

    print(f"\nO-05: {outcome.share:.3%} of reads with two instances: {outcome}")
    assert sum(outcome.killed.values()) >= 8
    assert outcome.share >= 0.999


async def test_a_single_instance_is_back_within_ten_seconds(now: dict[str, Any]) -> None:
    """O-05: what the local stack's own processes can reach; 99.9 % is for two of each."""
    seconds = {name: await seconds_to_recover(now, name) for name in AFTER_A_RESTART}

    print(
        "\nO-05: seconds without a single instance:", {n: round(s, 1) for n, s in seconds.items()}
    )
    assert max(seconds.values()) <= 10


async def test_a_process_without_its_database_stays_alive_and_is_not_ready(
    now: dict[str, Any], tmp_path: Path
) -> None:
    """O-05, addition B"""
    mysql = Proxy(now["mysql"]["port"])
    await mysql.open()
    instances: list[Instance] = []
    try:
        for name in WITH_A_DATABASE:
            environment = environment_of(now["pids"][name])
            parts = urlsplit(environment["DATABASE_URL"])
            account = f"{parts.username}:{parts.password}"
            netloc = f"{account}@{LOOPBACK}:{mysql.port}"
            environment["DATABASE_URL"] = urlunsplit(parts._replace(netloc=netloc))
            instances.append(Instance(name, environment, tmp_path / f"{name}.log"))
            await instances[-1].start()
        for instance in instances:
            await instance.until_ready()

        await mysql.close()
        away_at = time.monotonic()
        dark_after = await seconds_until(instances, 503, away_at)
        alive = {instance.name: await instance.health("liveness") for instance in instances}
        await mysql.open()
        back_at = time.monotonic()
        ready_after = await seconds_until(instances, 200, back_at)
    finally:
        for instance in instances:
            instance.kill()
            await instance.gone()
        await mysql.close()

    print(
        f"\nO-05: not ready {dark_after:.1f} s after the loss, ready {ready_after:.1f} s after the return"
    )
    assert set(alive.values()) == {200}
    assert dark_after <= 5
    assert ready_after <= 10


async def seconds_until(instances: list[Instance], status: int, since: float) -> float:
    """Return how long it took until the readiness of each had this status."""

    async def one(instance: Instance) -> None:
        async with asyncio.timeout(30):
            while await instance.health() != status:
                await asyncio.sleep(0.05)

    await asyncio.gather(*map(one, instances))
    return time.monotonic() - since


@pytest.mark.parametrize("name", ["course_service_worker", "schedule_service_worker"])
async def test_a_worker_whose_consumer_died_ends(
    now: dict[str, Any], tmp_path: Path, name: str
) -> None:
    """O-05: a broker whose answer makes no sense breaks the consumer; the process must not look alive."""
    answered_at: list[float] = []

    def answer(call: str) -> dict[str, Any]:
        if call == "GetQueueUrl":
            return {"QueueUrl": url}
        if call == "GetQueueAttributes":
            # The monitor of the queue is not what breaks.
            names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
            return {"Attributes": dict.fromkeys(names, "0")}
        if call == "ReceiveMessage":
            answered_at.append(time.monotonic())
            return {"Messages": [{"MessageId": "without-a-receipt", "Body": "{}"}]}
        return {}

    server = await serve_sqs(answer)
    url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    environment = {**environment_of(now["pids"][name]), "AWS_ENDPOINT_URL": url}
    worker = Instance(name, environment, tmp_path / "worker.log")
    await worker.start()
    try:
        code = await asyncio.wait_for(worker.process.wait(), 60)
        seconds = time.monotonic() - answered_at[0]
    finally:
        worker.kill()
        await worker.gone()
        server.close()

    print(f"\nO-05: {name} ended {seconds:.1f} s after its consumer died, with code {code}")
    assert code == 1
    assert seconds <= 30


async def serve_sqs(answer: Callable[[str], dict[str, Any]]) -> asyncio.Server:
    """Serve SQS's JSON protocol with made-up answers, a call a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = (line.split(": ", 1) for line in head.splitlines() if ": " in line)
        fields = {name.lower(): value for name, value in lines}
        await reader.readexactly(int(fields.get("content-length", 0)))
        call = fields["x-amz-target"].partition(".")[2]
        body = json.dumps(answer(call)).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, LOOPBACK, 0)
