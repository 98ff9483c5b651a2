"""C-01 at full size: sixty courses of four hundred assignments, read within the allowance of one token."""

import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from lambdas.canvas_sync.canvas.client import CanvasClient
from lambdas.canvas_sync.canvas.governor import Governors
from lambdas.canvas_sync.canvas.transport import CanvasTransport, RetryPolicy, canvas_http_client
from lambdas.canvas_sync.schemas import SyncMode, SyncRequest
from lambdas.canvas_sync.service import CanvasSync
from local_stack.canvas_sandbox.main import create_sandbox
from local_stack.canvas_sandbox.rate_limit import LeakyBucket
from local_stack.canvas_sandbox.running import running_sandbox
from local_stack.canvas_sandbox.sandbox import Sandbox

pytestmark = pytest.mark.chaos

COURSES = 60
ASSIGNMENTS = 400
LATENCY_MS = 60
"""Of a page of a hundred assignments on a quick Canvas."""

PAGES = COURSES * ASSIGNMENTS // 100 + 1
SUB = "7b0e0f6a-1111-4222-8333-944455556666"


class Records:
    """A student of every course, whose token is good."""

    def __init__(self, course_ids: list[int], token: str) -> None:
        self._course_ids = frozenset(course_ids)
        self._token = SecretStr(token)

    async def enabled_course_ids(self, cognito_sub: str) -> frozenset[int]:
        return self._course_ids

    async def canvas_token(self, cognito_sub: str) -> SecretStr:
        return self._token

    async def report_refusal(self, cognito_sub: str, token: SecretStr) -> None:
        raise AssertionError("the token is good")


class Listing:
    """Keeps the ids that were published, and which courses were published whole."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.complete = 0

    async def send(self, queue_name: str, bodies: Any) -> None:
        for body in bodies:
            for course in json.loads(body)["courses"]:
                self.ids += [entry["canvasAssignmentId"] for entry in course["assignments"]]
                self.complete += course.get("complete", False)


@pytest.fixture(scope="module")
def sandbox_server() -> Iterator[tuple[str, Sandbox]]:
    app = create_sandbox(courses=COURSES, assignments_per_course=ASSIGNMENTS, description_bytes=500)
    with running_sandbox(app) as url:
        yield url, app.state.sandbox


@pytest.mark.parametrize(("form", "used_up"), [("429", 0), ("403", 450), ("403", 550)])
async def test_a_huge_account_is_read_whole_with_hardly_a_refusal(
    sandbox_server: tuple[str, Sandbox], form: str, used_up: int
) -> None:
    """C-01: at most 1 % throttled answers and 8 calls in flight, in both forms of throttling and with little left."""
    url, sandbox = sandbox_server
    sandbox.buckets.forget_all()
    listing = Listing()
    async with (
        httpx.AsyncClient(base_url=url, timeout=60) as control,
        AsyncExitStack() as stack,
    ):
        token = (await control.post("/_sandbox/users", json={})).json()["token"]
        course_ids = list(sandbox.semester.courses)
        # The form in which an exhausted bucket answers; no call is refused by force. While an answer is held back, its
        # call holds its share of the bucket.
        faults = {"throttle": form, "times": 0, "latency_ms": LATENCY_MS}
        await control.put("/_sandbox/faults", json=faults)
        await control.delete("/_sandbox/requests")
        _use_up(sandbox.buckets.of(token), used_up)
        http = await stack.enter_async_context(canvas_http_client())
        transport = CanvasTransport(http, f"{url}/api/v1", retry=RetryPolicy())
        governors = Governors()
        sync = CanvasSync(
            Records(course_ids, token),
            lambda secret: CanvasClient(transport, secret, governors.of(secret.get_secret_value())),
            listing,
            "assignment-events-queue",
        )
        began = time.monotonic()

        result = await sync.synchronise(SyncRequest(SUB, SyncMode.ASSIGNMENTS, "request-0001"))

        seconds = time.monotonic() - began
        requests = (await control.get("/_sandbox/requests")).json()
    share = requests["throttled"] / requests["total"]
    print(
        f"\nC-01: {requests['total']} calls for {result.assignments_count} assignments, "
        f"{requests['throttled']} throttled ({share:.1%}), at most {requests['max_in_flight']} in flight, "
        f"{used_up} of 600 used up before, form {form}, {seconds:.1f} s"
    )
    assert (result.courses_count, result.assignments_count) == (COURSES, COURSES * ASSIGNMENTS)
    assert listing.complete == COURSES
    assert len(listing.ids) == len(set(listing.ids)) == COURSES * ASSIGNMENTS
    assert share <= 0.01
    assert requests["max_in_flight"] <= 8
    assert used_up > 0 or requests["max_in_flight"] > 1
    assert requests["total"] <= PAGES * 1.01


def _use_up(bucket: LeakyBucket, amount: int) -> None:
    for _ in range(amount // 50):
        bucket.reserve()
