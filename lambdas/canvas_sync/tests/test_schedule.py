"""The schedule: everybody on the queue once, and each student synchronised under a claim (additions.md D)."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from lambdas.canvas_sync import handler, schedule
from lambdas.canvas_sync.canvas.errors import (
    CanvasPermissionDenied,
    CanvasThrottled,
    CanvasTokenRefused,
)
from lambdas.canvas_sync.errors import InvocationInvalid, RunsUnavailable, SyncTimedOut
from lambdas.canvas_sync.handler import answer
from lambdas.canvas_sync.runtime import Function
from lambdas.canvas_sync.schedule import Schedule, error_code
from lambdas.canvas_sync.schemas import SyncRequest, SyncResult
from lambdas.canvas_sync.service import CanvasSync
from lambdas.canvas_sync.tests.doubles import FakeRuns, FakeSink
from shared.events.routes import CANVAS_SYNC
from shared.messaging.publisher import PublishError

EnableAll = Callable[[], Awaitable[list[int]]]
SUB = "7b0e0f6a-1111-4222-8333-944455556666"


class TestFanOut:
    async def test_every_connected_student_is_put_on_the_queue_once(
        self, synchroniser: Any, services: Any
    ) -> None:
        """additions.md D: page by page, in batches of ten, with a correlation id."""
        services.tokens.update({f"student-{number:04}": "t" for number in range(2_345)})
        services.refused.append("student-0007")
        batches: list[list[dict[str, Any]]] = []
        send = synchroniser.sqs.send_message_batch

        async def counted(**request: Any) -> Any:
            batches.append(request["Entries"])
            return await send(**request)

        synchroniser.sqs.send_message_batch = counted

        answered = await answer(synchroniser.function, {"fanOut": True, "syncMode": "courses"})

        assert answered == {"statusCode": 200, "body": {"studentsCount": 2_344}}
        sent = synchroniser.sqs.bodies(CANVAS_SYNC.name)
        assert sorted(message["cognitoSub"] for message in sent) == sorted(
            set(services.tokens) - {"student-0007"}
        )
        assert {message["syncMode"] for message in sent} == {"courses"}
        assert max(map(len, batches)) == 10
        assert len(batches) == 235
        ids = {
            entry["MessageAttributes"]["correlationId"]["StringValue"]
            for batch in batches
            for entry in batch
        }
        assert len(ids) == 1
        assert services.server.paths() == ["/internal/v1/credentials/canvas/connected"] * 3

    async def test_what_a_batch_left_out_is_sent_again(
        self, synchroniser: Any, services: Any
    ) -> None:
        services.tokens.update({f"student-{number:02}": "t" for number in range(30)})
        send = synchroniser.sqs.send_message_batch
        refusals = iter([True, False] * 100)

        async def half_refused(QueueUrl: str, Entries: list[Any]) -> Any:
            if not next(refusals):
                return await send(QueueUrl=QueueUrl, Entries=Entries)
            taken = await send(QueueUrl=QueueUrl, Entries=Entries[::2])
            failed = [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries[1::2]]
            return {**taken, "Failed": failed}

        synchroniser.sqs.send_message_batch = half_refused

        await answer(synchroniser.function, {"fanOut": True})

        sent = synchroniser.sqs.bodies(CANVAS_SYNC.name)
        assert sorted(m["cognitoSub"] for m in sent) == sorted(services.tokens)

    async def test_the_schedules_constant_comes_before_every_other_shape(
        self, synchroniser: Any, services: Any
    ) -> None:
        event = {"fanOut": True, "syncMode": "assignments", "detail": {}, "cognitoSub": SUB}

        assert (await answer(synchroniser.function, event))["body"] == {"studentsCount": 0}
        with pytest.raises(InvocationInvalid, match="syncMode"):
            await answer(synchroniser.function, {"fanOut": True, "syncMode": "all"})

    @pytest.mark.parametrize(
        "page",
        [
            Response(status_code=500),
            JSONResponse({"cognitoSubs": "all"}),
            JSONResponse({"cognitoSubs": ["a"], "next": "a"}),
            Response("no JSON"),
        ],
    )
    async def test_a_page_that_cannot_be_used_fails_the_fan_out(
        self, synchroniser: Any, services: Any, page: Response
    ) -> None:
        """Nobody is left out in silence: the platform tries again."""
        services.server.answer = lambda _: page

        with pytest.raises(RunsUnavailable):
            await answer(synchroniser.function, {"fanOut": True})

    async def test_a_queue_that_is_away_fails_the_fan_out(
        self, synchroniser: Any, services: Any
    ) -> None:
        services.tokens[SUB] = "t"

        async def refuse(**request: Any) -> Any:
            failed = [{"Id": entry["Id"], "Code": "InternalError"} for entry in request["Entries"]]
            return {"Failed": failed}

        synchroniser.sqs.send_message_batch = refuse

        with pytest.raises(PublishError):
            await answer(synchroniser.function, {"fanOut": True})

    async def test_a_fan_out_ends_when_its_time_is_up(
        self, synchroniser: Any, services: Any
    ) -> None:
        services.server.delay_seconds = 0.5

        with pytest.raises(SyncTimedOut):
            await answer(synchroniser.function, {"fanOut": True}, max_seconds=0.1)


def records(*subs: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": sub, "body": json.dumps({"cognitoSub": sub, "syncMode": "assignments"})}
            for sub in subs
        ]
    }


async def _breaking() -> AsyncIterator[bytes]:
    yield b"{"
    raise ConnectionResetError


class TestClaims:
    async def test_a_record_is_one_run_whose_end_is_noted(
        self, synchroniser: Any, services: Any, enable_all: EnableAll
    ) -> None:
        answered = await answer(synchroniser.function, records(SUB))

        assert answered["body"]["assignmentsCount"] == 6
        assert services.claimed == [SUB]
        assert services.ends == {
            1: {
                "status": "SUCCEEDED",
                "coursesCount": 2,
                "assignmentsCount": 6,
                "syncedAt": answered["body"]["syncedAt"],
            }
        }

    async def test_a_student_whose_run_is_on_is_done_without_a_call(
        self, synchroniser: Any, services: Any, canvas: Any, enable_all: EnableAll
    ) -> None:
        """additions.md D: 409 is no error."""
        services.taken.add(SUB)

        answered = await answer(synchroniser.function, records(SUB))

        assert answered["body"]["coursesCount"] == 0
        assert (await canvas.requests())["total"] == 0

    async def test_a_student_who_disconnected_meanwhile_is_done(
        self, synchroniser: Any, services: Any, canvas: Any
    ) -> None:
        answered = await answer(synchroniser.function, records("a-stranger"))

        assert answered["statusCode"] == 200
        assert (await canvas.requests())["total"] == 0

    async def test_a_refused_token_costs_one_call_and_is_not_tried_again(
        self, synchroniser: Any, services: Any, canvas: Any, enable_all: EnableAll
    ) -> None:
        """C-02: the record is done, the run failed, and the next record of the student makes no call."""
        await canvas.revoke()

        first = await answer(synchroniser.function, records(SUB))
        second = await answer(synchroniser.function, records(SUB))

        assert first["statusCode"] == second["statusCode"] == 200
        assert (await canvas.requests())["total"] == 1
        assert services.ends == {1: {"status": "FAILED", "errorCode": "INVALID_CANVAS_TOKEN"}}

    async def test_a_failure_is_noted_with_its_cause_and_comes_back(
        self, synchroniser: Any, services: Any, canvas: Any, enable_all: EnableAll
    ) -> None:
        """C-05"""
        await canvas.set_faults(status=503, path="/api/v1/courses")

        answered = await answer(synchroniser.function, records(SUB))

        assert answered == {"batchItemFailures": [{"itemIdentifier": SUB}]}
        assert services.ends == {1: {"status": "FAILED", "errorCode": "CANVAS_UNAVAILABLE"}}

    async def test_a_claim_that_gets_no_answer_comes_back(
        self, synchroniser: Any, services: Any, canvas: Any
    ) -> None:
        services.server.answer = lambda _: Response(status_code=503)

        answered = await answer(synchroniser.function, records(SUB))

        assert answered == {"batchItemFailures": [{"itemIdentifier": SUB}]}
        assert (await canvas.requests())["total"] == 0

    async def test_a_claim_is_repeated_under_the_same_id_when_its_answer_is_lost(
        self, synchroniser: Any, services: Any, enable_all: EnableAll
    ) -> None:
        """Otherwise the second claim would find the first one's run and leave it to nobody."""
        claim_ids: list[str] = []
        real = services.answer

        async def losing(request: Request) -> Response:
            if request.url.path == "/internal/v1/sync-runs":
                claim_ids.append((await request.json())["claimId"])
                if len(claim_ids) == 1:
                    return StreamingResponse(_breaking())
            return await real(request)

        services.server.answer = losing

        answered = await answer(synchroniser.function, records(SUB))

        assert answered["body"]["assignmentsCount"] == 6
        assert len(claim_ids) == 2
        assert len(set(claim_ids)) == 1

    async def test_an_end_that_cannot_be_noted_leaves_the_record_done(
        self, synchroniser: Any, services: Any, enable_all: EnableAll
    ) -> None:
        """Its messages are published; the lease ends by itself."""
        real = services.answer

        async def no_end(request: Request) -> Response:
            return Response(status_code=503) if request.method == "PUT" else await real(request)

        services.server.answer = no_end

        answered = await answer(synchroniser.function, records(SUB))

        assert answered["body"]["assignmentsCount"] == 6

    async def test_a_direct_invocation_never_claims(
        self, synchroniser: Any, services: Any, enable_all: EnableAll
    ) -> None:
        """events.md 2.2, additions.md D: exactly the calls listed there."""
        services.taken.add(SUB)
        for event in ({"cognitoSub": SUB}, {"detail": {"cognitoSub": SUB}}):
            services.server.requests.clear()

            answered = await answer(synchroniser.function, event)

            assert answered["body"]["assignmentsCount"] == 6
            assert services.server.paths() == [
                "/internal/v1/enrollments/enabled",
                f"/internal/v1/credentials/canvas/by-cognito-sub/{SUB}",
            ]


class SometimesFailing(CanvasSync):
    """Synchronises nobody and fails for some."""

    def __init__(self, fails: set[str]) -> None:
        self.done: list[str] = []
        self._fails = fails

    async def synchronise(self, request: SyncRequest, *, max_seconds: float = 0) -> SyncResult:
        await asyncio.sleep(0)
        if request.cognito_sub in self._fails:
            raise CanvasThrottled("Canvas refuses calls because there were too many")
        self.done.append(request.cognito_sub)
        return SyncResult(1, 1, "2025-11-20T03:04:05.678901")


async def test_of_random_subsets_only_the_failed_records_come_back() -> None:
    """Q-05: 200 random subsets of ten records; the others are done once."""
    chance = random.Random(20261121)
    subs = [f"student-{number}" for number in range(10)]
    returned = 0
    for _ in range(200):
        fails = {sub for sub in subs if chance.random() < 0.4}
        taken = frozenset(sub for sub in subs if chance.random() < 0.1)
        sync = SometimesFailing(fails)
        runs = FakeRuns(taken)
        function = Function(sync, Schedule(sync, runs, FakeSink(), CANVAS_SYNC.name))

        answered = await answer(function, records(*subs))

        expected = [sub for sub in subs if sub in fails - taken]
        failures = [entry["itemIdentifier"] for entry in answered.get("batchItemFailures", [])]
        assert failures == expected
        assert sorted(sync.done) == sorted(set(subs) - fails - taken)
        assert {sub for sub, end in runs.ends.items() if end == "CANVAS_THROTTLED"} == set(expected)
        returned += len(failures)
    print(f"Q-05: 200 batches of 10, {returned} records returned, all of them failed ones")  # noqa: T201


async def test_records_for_which_no_time_is_left_come_back_unclaimed() -> None:
    """A run that is bound to be cut off would cost its student the lease."""
    sync = SometimesFailing(set())
    runs = FakeRuns()
    function = Function(sync, Schedule(sync, runs, FakeSink(), CANVAS_SYNC.name))

    answered = await answer(function, records("a", "b"), max_seconds=schedule.LEAST_SECONDS - 1)

    assert len(answered["batchItemFailures"]) == 2
    assert runs.begun == []


def test_a_run_ends_within_its_lease_and_the_function_within_its_time_out() -> None:
    assert schedule.MAX_SYNC_SECONDS < 150
    assert handler.MAX_FUNCTION_SECONDS + handler.ANSWER_SECONDS == 300


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (CanvasTokenRefused(), "INVALID_CANVAS_TOKEN"),
        (CanvasPermissionDenied(), "CANVAS_PERMISSION_DENIED"),
        (SyncTimedOut(), "SYNC_TIMED_OUT"),
        (ValueError(), "CANVAS_SYNC_ERROR"),
    ],
)
def test_every_failure_has_a_code(problem: Exception, code: str) -> None:
    assert error_code(problem) == code
