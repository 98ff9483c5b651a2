"""The sandbox as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[3]


def start(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local_stack.canvas_sandbox"],
        cwd=ROOT,
        env={**os.environ, "PORT": str(port), "SANDBOX_SEED": "11"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    started = start(0)
    yield started
    started.kill()
    started.communicate()


def url_of(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().split()[-1]


def test_it_serves_on_loopback_and_ends_cleanly_on_sigterm(process: subprocess.Popen[str]):
    url = url_of(process)
    assert url.startswith("http://127.0.0.1:")
    assert len(httpx.get(f"{url}/_sandbox/state").json()["courses"]) == 7
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert process.stderr.read() == ""


def test_injected_latency_does_not_hold_up_the_end(process: subprocess.Popen[str]):
    url = url_of(process)
    httpx.put(f"{url}/_sandbox/faults", json={"latency_ms": 60_000})
    with ThreadPoolExecutor() as pool:
        call = pool.submit(httpx.get, f"{url}/api/v1/users/self")
        while httpx.get(f"{url}/_sandbox/requests").json()["max_in_flight"] == 0:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert call.result(5).status_code == 401
    assert process.wait(5) == 0
    assert process.stderr.read() == ""


def test_a_taken_port_is_said_in_the_last_line_and_ends_the_process(
    process: subprocess.Popen[str],
):
    port = int(url_of(process).rsplit(":", 1)[1])
    second = start(port)
    _, errors = second.communicate(timeout=10)
    assert second.returncode != 0
    assert errors.splitlines()[-1].startswith(f"error: port {port} is taken")
