"""The door: three shapes in, one answer out, and what lives from one invocation to the next (events.md 2)."""

import asyncio
import json
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from lambdas.canvas_sync import handler, schedule
from lambdas.canvas_sync.canvas.errors import CanvasTokenRefused, CanvasUnavailable
from lambdas.canvas_sync.errors import InvocationInvalid, RecordsFailed
from lambdas.canvas_sync.handler import answer, lambda_handler
from lambdas.canvas_sync.runtime import Function
from lambdas.canvas_sync.schedule import Schedule
from lambdas.canvas_sync.schemas import SyncMode, SyncRequest, SyncResult, read_request
from lambdas.canvas_sync.service import CanvasSync
from lambdas.canvas_sync.tests.doubles import FakeRuns, FakeSink
from shared.events.routes import ASSIGNMENT_EVENTS, CANVAS_SYNC
from shared.function_runtime import Runtime
from shared.logging import JSONFormatter, correlation_id, current_user
from shared.settings import SettingsError
from shared.testing.hostile_sqs import HostileSQS

EnableAll = Callable[[], Awaitable[list[int]]]
SUB = "7b0e0f6a-1111-4222-8333-944455556666"
BOTH_SHAPES = [
    lambda payload: payload,
    lambda payload: {"detail": payload},
    lambda payload: {"Records": [{"messageId": "m-1", "body": json.dumps(payload)}]},
]


class RecordingSync(CanvasSync):
    """Remembers who was synchronised with what bound; `fails` names those who cannot be."""

    def __init__(self, fails: frozenset[str] = frozenset()) -> None:
        self.requests: list[SyncRequest] = []
        self.bound: list[tuple[str | None, str | None]] = []
        self.at_once = self.most_at_once = 0
        self._fails = fails

    async def synchronise(self, request: SyncRequest, *, max_seconds: float = 0) -> SyncResult:
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.bound.append((correlation_id.get(), current_user.get()))
        self.at_once -= 1
        if request.cognito_sub in self._fails:
            raise CanvasUnavailable("Canvas answered 503")
        return SyncResult(2, 7, "2025-11-20T03:04:05.678901")


def function_of(sync: CanvasSync) -> Function:
    return Function(sync, Schedule(sync, FakeRuns(), FakeSink(), CANVAS_SYNC.name))


@pytest.mark.parametrize("shape", BOTH_SHAPES)
@pytest.mark.parametrize("mode", ["courses", "assignments", None])
async def test_every_shape_and_mode_synchronises_and_answers_by_contract(
    shape: Callable[[Any], Any], mode: str | None
) -> None:
    """events.md 2.1 and 2.3"""
    sync = RecordingSync()
    payload = {"cognitoSub": SUB} if mode is None else {"cognitoSub": SUB, "syncMode": mode}

    answered = await answer(function_of(sync), shape(payload))

    assert answered == {
        "statusCode": 200,
        "body": {
            "coursesCount": 2,
            "assignmentsCount": 7,
            "syncedAt": "2025-11-20T03:04:05.678901",
        },
    }
    [request] = sync.requests
    assert (request.cognito_sub, request.mode) == (SUB, SyncMode(mode or "assignments"))


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({}, "cognitoSub is required"),
        ({"cognitoSub": ""}, "cognitoSub is required"),
        ({"cognitoSub": 5}, "cognitoSub is required"),
        ({"cognitoSub": "../../x y"}, "not an id"),
        ({"cognitoSub": ".."}, "not an id"),
        ({"cognitoSub": "a" * 256}, "not an id"),
        ({"cognitoSub": SUB, "syncMode": "everything"}, "syncMode must be"),
        ({"cognitoSub": SUB, "syncMode": ""}, "syncMode must be"),
        ({"cognitoSub": SUB, "syncMode": None}, "syncMode must be"),
        ({"cognitoSub": SUB, "syncMode": ["courses"]}, "syncMode must be"),
        ({"detail": None, "cognitoSub": SUB}, "not an object"),
        ({"detail": {"syncMode": "courses"}, "cognitoSub": SUB}, "cognitoSub is required"),
        ({"Records": [], "detail": {}}, "cognitoSub is required"),
        ({"Records": []}, "cognitoSub is required"),
        ({"Records": "all"}, "not a list"),
        ([], "not an object"),
        (None, "not an object"),
    ],
)
async def test_an_unusable_event_is_an_error_that_says_why(event: Any, complaint: str) -> None:
    """events.md 2.1: checked in the order detail, Records, direct."""
    sync = RecordingSync()

    with pytest.raises(InvocationInvalid, match=complaint):
        await answer(function_of(sync), event)

    assert sync.requests == []


async def test_an_empty_records_list_beside_a_student_is_a_direct_invocation() -> None:
    sync = RecordingSync()

    await answer(function_of(sync), {"Records": [], "cognitoSub": SUB})

    assert len(sync.requests) == 1


def _records(*subs: str) -> list[dict[str, str]]:
    return [
        {"messageId": f"m-{number}", "body": json.dumps({"cognitoSub": sub})}
        for number, sub in enumerate(subs)
    ]


async def test_every_record_is_synchronised_a_few_at_a_time() -> None:
    """V-4"""
    sync = RecordingSync()
    subs = [f"student-{number}" for number in range(10)]

    answered = await answer(function_of(sync), {"Records": _records(*subs)})

    assert sorted(request.cognito_sub for request in sync.requests) == subs
    assert sync.most_at_once == handler.RECORDS_AT_ONCE
    assert answered["body"]["coursesCount"] == 20


async def test_only_the_failed_records_come_back() -> None:
    """Q-05"""
    sync = RecordingSync(fails=frozenset({"student-1", "student-3"}))
    records = _records("student-0", "student-1", "student-2", "student-3")
    records.append({"messageId": "m-4", "body": "no JSON"})

    answered = await answer(function_of(sync), {"Records": records})

    assert answered == {
        "batchItemFailures": [
            {"itemIdentifier": "m-1"},
            {"itemIdentifier": "m-3"},
            {"itemIdentifier": "m-4"},
        ]
    }
    assert len(sync.requests) == 4


async def test_of_two_hundred_random_batches_only_the_failed_records_come_back() -> None:
    """Q-05"""
    choose = random.Random(5)
    wrong = 0
    for _ in range(200):
        subs = [f"student-{number}" for number in range(choose.randint(1, 10))]
        fails = frozenset(choose.sample(subs, choose.randint(0, len(subs))))
        sync = RecordingSync(fails=fails)

        answered = await answer(function_of(sync), {"Records": _records(*subs)})

        named = [entry["itemIdentifier"] for entry in answered.get("batchItemFailures", [])]
        expected = [f"m-{number}" for number, sub in enumerate(subs) if sub in fails]
        is_done_once = sorted(request.cognito_sub for request in sync.requests) == subs
        wrong += named != expected or not is_done_once
    print(f"Q-05: 200 random subsets of records: {wrong} answered wrongly")  # noqa: T201
    assert wrong == 0


@pytest.mark.parametrize("record", [{"body": "no JSON"}, {}, None, {"body": 5, "messageId": ""}])
async def test_a_failed_record_without_a_message_id_fails_the_invocation(record: Any) -> None:
    """It could not be named, and an answer without it would acknowledge it."""
    with pytest.raises(RecordsFailed, match="1 of 2"):
        await answer(function_of(RecordingSync()), {"Records": [*_records("student-0"), record]})


async def test_the_correlation_id_and_a_pseudonym_are_bound_per_record() -> None:
    sync = RecordingSync()
    in_body = json.dumps({"cognitoSub": "student-1", "correlationId": "from-the-body"})
    in_attribute = {
        "messageId": "m-2",
        "body": json.dumps({"cognitoSub": "student-2"}),
        "messageAttributes": {
            "correlationId": {"stringValue": "from-the-attribute", "dataType": "String"}
        },
    }

    await answer(
        function_of(sync), {"Records": [{"messageId": "m-1", "body": in_body}, in_attribute]}
    )

    ids = {bound_id for bound_id, _ in sync.bound}
    users = {user for _, user in sync.bound}
    assert ids == {"from-the-body", "from-the-attribute"}
    assert len(users) == 2
    assert not users & {"student-1", "student-2"}
    assert correlation_id.get() is None


@pytest.mark.parametrize("presented", [None, "short", "has spaces in it", "x" * 65, 5, "한" * 10])
def test_an_ill_formed_correlation_id_is_replaced(presented: Any) -> None:
    request = read_request({"cognitoSub": SUB, "correlationId": presented})

    assert re.fullmatch(r"[0-9a-f]{32}", request.correlation_id)


class Context:
    """What the platform says about the invocation."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, canvas: Any, services: Any
) -> Iterator[HostileSQS]:
    """The function as the platform starts it; only the queue is a double."""
    sqs = HostileSQS(copies=1)

    class Opened:
        async def __aenter__(self) -> HostileSQS:
            await sqs.create_queue(QueueName=ASSIGNMENT_EVENTS.name)
            return sqs

        async def __aexit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr("lambdas.canvas_sync.runtime.aws_client", lambda *_, **__: Opened())
    monkeypatch.setattr("lambdas.canvas_sync.runtime.configure_logging", lambda *_: None)
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("CANVAS_API_BASE_URL", f"{canvas.url}/api/v1")
    monkeypatch.setenv("USER_SERVICE_URL", services.server.url)
    monkeypatch.setenv("COURSE_SERVICE_URL", services.server.url)
    monkeypatch.setenv("CANVAS_SYNC_API_KEY", "key-of-the-function")
    yield sqs
    handler._runtime.close()


async def _invoke(event: Any, context: Any = None) -> dict[str, Any]:
    return await asyncio.to_thread(lambda_handler, event, context)


async def test_an_invocation_reads_its_environment_and_publishes_with_the_correlation_id(
    environment: HostileSQS, canvas: Any, enable_all: EnableAll
) -> None:
    answered = await _invoke({"cognitoSub": SUB, "correlationId": "request-0001"}, Context(300_000))

    assert answered["statusCode"] == 200
    assert answered["body"]["assignmentsCount"] == 6
    url = (await environment.get_queue_url(QueueName=ASSIGNMENT_EVENTS.name))["QueueUrl"]
    received = await environment.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    attributes = [message["MessageAttributes"] for message in received["Messages"]]
    assert [a["correlationId"]["StringValue"] for a in attributes] == ["request-0001"] * 2
    assert json.loads(json.dumps(answered)) == answered


async def test_an_error_reaches_the_platform_as_it_was_raised(
    environment: HostileSQS, canvas: Any, enable_all: EnableAll
) -> None:
    """events.md 2.4"""
    await canvas.revoke()

    with pytest.raises(CanvasTokenRefused):
        await _invoke({"cognitoSub": SUB})


async def test_a_missing_setting_is_raised_by_name_and_can_be_set_right(
    environment: HostileSQS, monkeypatch: pytest.MonkeyPatch, enable_all: EnableAll
) -> None:
    monkeypatch.delenv("CANVAS_SYNC_API_KEY")
    with pytest.raises(SettingsError, match="CANVAS_SYNC_API_KEY"):
        await _invoke({"cognitoSub": SUB})

    monkeypatch.setenv("CANVAS_SYNC_API_KEY", "key-of-the-function")
    assert (await _invoke({"cognitoSub": SUB}))["statusCode"] == 200


async def test_the_platforms_time_limit_is_kept(
    environment: HostileSQS, canvas: Any, enable_all: EnableAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that did not end in time are reported, the platform does not have to kill the function."""
    monkeypatch.setattr(schedule, "LEAST_SECONDS", 0.5)
    await canvas.set_faults(latency_ms=3_000)

    answered = await _invoke({"Records": _records(SUB)}, Context(6_000))

    await canvas.set_faults()
    assert answered == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}


@pytest.fixture
async def counted_runtime() -> AsyncIterator[tuple[Runtime, list[object]]]:
    opened: list[object] = []

    async def open_sync(stack: AsyncExitStack) -> CanvasSync:
        opened.append(asyncio.get_running_loop())
        return RecordingSync()

    runtime = Runtime(open_sync)
    yield runtime, opened
    runtime.close()


async def _who(sync: CanvasSync) -> CanvasSync:
    return sync


def test_clients_are_opened_once_for_all_invocations(
    counted_runtime: tuple[Runtime, list[object]],
) -> None:
    runtime, opened = counted_runtime

    assert runtime.run(_who) is runtime.run(_who)
    assert len(opened) == 1


def test_a_loop_that_was_stopped_or_closed_is_replaced(
    counted_runtime: tuple[Runtime, list[object]],
) -> None:
    runtime, opened = counted_runtime
    runtime.run(_who)
    assert runtime._running is not None
    runtime._running.close()

    runtime.run(_who)

    assert len(opened) == 2


async def test_an_invocation_inside_a_running_loop_works(
    counted_runtime: tuple[Runtime, list[object]],
) -> None:
    runtime, _ = counted_runtime

    assert runtime.run(_who) is not None


async def test_invocations_side_by_side_share_the_loop(
    counted_runtime: tuple[Runtime, list[object]],
) -> None:
    runtime, opened = counted_runtime

    await asyncio.gather(*(asyncio.to_thread(runtime.run, _who) for _ in range(5)))

    assert len(opened) == 1


async def test_failed_synchronisations_are_logged_without_the_student(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """S-07"""
    with caplog.at_level(logging.INFO), pytest.raises(CanvasUnavailable):
        await answer(function_of(RecordingSync(fails=frozenset({SUB}))), {"cognitoSub": SUB})

    lines = [JSONFormatter("canvas_sync").format(record) for record in caplog.records]
    assert any('"message":"synchronisation_failed"' in line for line in lines)
    assert not any(SUB in line for line in lines)
