"""One trace runs from a click to the planner: gateway, services, function, queues and workers of a whole system."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from local_stack.session import running_stack
from shared.testing.collector import Collector, ReceivedSpan, running_collector
from shared.tracing.spans import ENDPOINT_VARIABLE
from tests.system.conftest import PASSWORD

pytestmark = pytest.mark.chaos

EMAIL = "kim.yuni@example.com"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
"""Milliseconds between exports, five seconds if nobody says otherwise."""

WAIT_SECONDS = 90.0
"""A sync takes seconds; on a busy machine the functions' cold starts take more."""

WAY = [
    ("api_gateway", "server", "POST /api/v1/integrations/canvas/sync"),
    ("api_gateway", "client", "POST user-service"),
    ("user_service", "server", "POST /v1/integrations/canvas/sync"),
    ("user_service", "client", "invoke canvas-sync-lambda"),
    ("canvas_sync", "server", "synchronise"),
    ("canvas_sync", "producer", "send assignment-events-queue"),
    ("course_service_worker", "consumer", "process assignment-events-queue"),
    ("course_service_worker", "producer", "create task-creation-queue"),
    ("schedule_service_worker", "consumer", "process task-creation-queue"),
]
"""Each is within the one before."""


@pytest.fixture(scope="module")
def traced_stack(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[dict[str, Any], Collector]]:
    with running_collector() as collector:
        settings = {ENDPOINT_VARIABLE: collector.url, **QUICK}
        with running_stack(tmp_path_factory.mktemp("traced"), settings) as stack:
            yield stack, collector


def student(stack: dict[str, Any]) -> httpx.Client:
    """Sign a student up and connect Canvas."""
    gateway = httpx.Client(base_url=f"{stack['gateway']}/api/v1", timeout=160)
    account = {"email": EMAIL, "password": PASSWORD, "name": "김유니"}
    signed_up = gateway.post("/auth/signup", json=account).raise_for_status().json()
    gateway.headers["Authorization"] = f"Bearer {signed_up['idToken']}"
    made = httpx.post(f"{stack['canvas']}/_sandbox/users", json={}).raise_for_status().json()
    gateway.post(
        "/integrations/canvas/credentials", json={"canvasToken": made["token"]}
    ).raise_for_status()
    return gateway


def way_found(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    """Return the longest beginning of the way that a single chain of spans goes."""
    by_id = {span.span_id: span for span in spans}

    def chain(span: ReceivedSpan) -> list[ReceivedSpan]:
        before = by_id.get(span.parent_id)
        return [*(chain(before) if before else []), span]

    chains = (chain(span) for span in spans)
    fitting = (
        links
        for links in chains
        if [(link.service, link.kind, link.name) for link in links] == WAY[: len(links)]
    )
    return max(fitting, key=len, default=[])


def test_a_sync_is_one_trace_from_the_gateway_to_the_planner(
    traced_stack: tuple[dict[str, Any], Collector],
) -> None:
    stack, collector = traced_stack
    with closing(student(stack)) as gateway:
        for mode in ("courses", "assignments"):
            answer = gateway.post(f"/integrations/canvas/sync?mode={mode}")
            assert answer.status_code == 200, answer.text
            if mode == "courses":
                courses = wait_for(lambda: gateway.get("/enrollments").json())
                assert courses

    found = wait_for(lambda: len(way := way_found(list(collector.spans))) == len(WAY) and way)

    assert found, [span.name for span in way_found(collector.spans)]
    assert len({span.trace_id for span in found}) == 1
    services = {span.service for span in collector.spans if span.trace_id == found[0].trace_id}
    print(f"one trace {found[0].trace_id}: {len(WAY)} spans deep, over {sorted(services)}")
    assert {"api_gateway", "user_service", "canvas_sync", "course_service"} <= services
    bodies = b"".join(collector.bodies)
    assert EMAIL.encode() not in bodies
    assert "김유니".encode() not in bodies


def wait_for(look: Any) -> Any:
    """Return what is seen once it is true, or what is seen in the end."""
    gives_up_at = time.monotonic() + WAIT_SECONDS
    while not (seen := look()) and time.monotonic() < gives_up_at:
        time.sleep(0.5)
    return seen
