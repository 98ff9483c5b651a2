"""Fixtures: the function put together, and what stands around it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from lambdas.llm_analysis.providers.calls import CALL_SECONDS, ModelCalls, RetryPolicy
from lambdas.llm_analysis.providers.model import Model
from lambdas.llm_analysis.runtime import _open_model, open_function
from lambdas.llm_analysis.tests.doubles import (
    MODEL_KEY,
    NOW,
    Harness,
    ModelDouble,
    ScheduleService,
    settings,
)
from lambdas.llm_analysis.tests.server import Server, serve
from lambdas.llm_analysis.tests.vendors import BEDROCK_MODEL, VENDOR_KEY
from shared.messaging.queues import create_queues
from shared.testing.hostile_sqs import HostileSQS

Opener = Callable[..., Any]


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[Server, Server]]:
    with serve(Server()) as one, serve(Server()) as other:
        yield one, other


@pytest.fixture
def schedule_service(servers: tuple[Server, Server]) -> ScheduleService:
    servers[0].forget()
    double = ScheduleService(servers[0])
    servers[0].answer = double.answer
    return double


@pytest.fixture
def model(servers: tuple[Server, Server]) -> ModelDouble:
    servers[1].forget()
    return ModelDouble(servers[1])


@pytest.fixture
async def sqs() -> HostileSQS:
    queues = HostileSQS(copies=1)
    await create_queues(queues, {})
    return queues


@pytest.fixture
async def open_harness(schedule_service: ScheduleService, sqs: HostileSQS) -> AsyncIterator[Opener]:
    """Call it with settings to open another function on the same queue and schedule_service."""
    async with AsyncExitStack() as stack:

        async def opened(**changes: Any) -> Harness:
            function = await open_function(
                stack,
                settings(schedule_service, **changes),
                sqs=sqs,
                # Only pauses are shorter than in production: a call that the machine holds up is no failed one.
                retry=RetryPolicy(first_pause_seconds=0.005),
            )
            function.analysis._now = lambda: NOW
            function.analysis._claim_poll_seconds = 0.01
            function.analysis._analyses._schedule_service.timeout = CALL_SECONDS
            return Harness(function, sqs)

        yield opened


@pytest.fixture
async def outline(open_harness: Opener) -> Harness:
    """The function with its default provider."""
    return await open_harness()


@pytest.fixture
async def with_model(open_harness: Opener, model: ModelDouble) -> Harness:
    """The function with an OpenAI-compatible model."""
    return await open_harness(
        llm_provider="openai",
        llm_api_url=f"{model.server.url}/v1",
        llm_api_key=MODEL_KEY,
        llm_model="a-model",
    )


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    servers[1].forget()
    return servers[1]


@pytest.fixture
async def open_model(
    server: Server, schedule_service: ScheduleService, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Opener]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    async with AsyncExitStack() as stack:

        async def opened(vendor: str, *, path: str = "", **changes: Any) -> Model:
            return await _open_model(
                stack,
                settings(
                    schedule_service,
                    llm_provider=vendor,
                    llm_api_url=server.url + path,
                    llm_api_key=VENDOR_KEY,
                    llm_model=BEDROCK_MODEL if vendor == "bedrock" else "a-model",
                    **changes,
                ),
                ModelCalls(RetryPolicy(first_pause_seconds=0.005)),
            )

        yield opened
