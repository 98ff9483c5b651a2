"""Runs several gateways behind one port: a parent owns port and metrics, workers share the connections."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
from functools import partial
from multiprocessing.context import SpawnProcess

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from services.api_gateway.process import GatewayProcess
from services.api_gateway.settings import GatewaySettings
from shared.logging import configure_logging, get_logger
from shared.tracing.spans import configure_tracing
from shared.web.health import always_ready, management_app
from shared.web.serving import run

log = get_logger(__name__)

WATCH_SECONDS = 0.2
"""Until a worker that died is noticed and replaced."""

STOP_SECONDS = 25.0
"""Workers stop within 20 s; Fargate kills all of us after 30."""

_METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client keeps each process's numbers, when it is set before that is imported."""


def run_workers(settings: GatewaySettings, listener: socket.socket) -> None:
    """Run the workers and the management port until SIGTERM."""
    directory = tempfile.mkdtemp(prefix="gateway-metrics-")
    os.environ[_METRICS_DIRECTORY] = directory
    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    try:
        run(
            {
                (settings.host, settings.management_port): management_app(
                    always_ready, registry=registry
                )
            },
            partial(_keep_running, settings, listener),
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _keep_running(
    settings: GatewaySettings, listener: socket.socket, stopping: asyncio.Event
) -> None:
    """Start the workers, replace each one that dies, and end them all."""
    workers = [_started(settings, listener) for _ in range(settings.gateway_workers)]
    try:
        while not stopping.is_set():
            try:
                await asyncio.wait_for(stopping.wait(), WATCH_SECONDS)
            except TimeoutError:
                for number, worker in enumerate(workers):
                    if not worker.is_alive():
                        log.error("worker_died", pid=worker.pid, exitCode=worker.exitcode)
                        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
                        workers[number] = _started(settings, listener)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            await asyncio.to_thread(worker.join, STOP_SECONDS)
            if worker.is_alive():
                worker.kill()


def _started(settings: GatewaySettings, listener: socket.socket) -> SpawnProcess:
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(settings, listener))
    worker.start()
    return worker


def _work(settings: GatewaySettings, listener: socket.socket) -> None:
    """Serve in a worker's own process, until SIGTERM or until the parent is gone."""
    configure_logging("api_gateway", settings.log_level)
    configure_tracing("api_gateway")
    run({}, _end_with_parent, partial(GatewayProcess(settings).serve, listener))


async def _end_with_parent(stopping: asyncio.Event) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101
    loop = asyncio.get_running_loop()
    loop.add_reader(parent.sentinel, stopping.set)
    await stopping.wait()
    loop.remove_reader(parent.sentinel)
    # `run` waits for a signal; the parent's end is as good as one.
    os.kill(os.getpid(), signal.SIGTERM)
