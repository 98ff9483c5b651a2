"""The smoke test of a deployment tells a system that works from one that does not."""

from typing import Any

import httpx
import pytest

from deploy.ecs.smoke_test import SmokeTestFailed, run
from tests.system.conftest import Stack

pytestmark = pytest.mark.stack


def test_it_passes_on_a_running_system_and_leaves_no_account(stack: Stack) -> None:
    """O-04"""
    said: list[str] = []

    token = httpx.post(f"{stack['canvas']}/_sandbox/users", json={}).json()["token"]
    run(stack["gateway"], token, said.append)

    assert said[-1] == "account: deleted"
    assert any(line.startswith("Canvas: connected") for line in said)


def test_a_token_that_canvas_refuses_fails_it_and_leaves_no_account(stack: Stack) -> None:
    said: list[Any] = []

    with pytest.raises(SmokeTestFailed, match="the Canvas token was answered with 400"):
        run(stack["gateway"], "refused", said.append)


def test_another_server_fails_it(stack: Stack) -> None:
    with pytest.raises(SmokeTestFailed, match="the gateway's health"):
        run(stack["canvas"], None, print)
