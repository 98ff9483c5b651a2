"""Synchronisation on schedule, through every process: fan-out, one run at a time, refused tokens, runs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiobotocore.session import get_session

from local_stack.provision import FUNCTION_NAME
from tests.system.conftest import (
    SignUp,
    Stack,
    Student,
    due_assignments,
    queues_are_empty,
    rows,
    until,
)
from tests.system.test_canvas_to_planner import content

pytestmark = pytest.mark.stack


class Schedule:
    """What EventBridge does when an interval is over: it invokes each rule's target with its constant."""

    def __init__(self, events: Any, functions: Any) -> None:
        self._events = events
        self._functions = functions

    async def rules(self) -> dict[str, Any]:
        """Return what the function is invoked with by expression, as the emulator has it."""
        found: dict[str, Any] = {}
        for rule in (await self._events.list_rules())["Rules"]:
            assert rule["State"] == "ENABLED"
            targets = await self._events.list_targets_by_rule(Rule=rule["Name"])
            [target] = targets["Targets"]
            assert target["Arn"].endswith(f":function:{FUNCTION_NAME}")
            found[rule["ScheduleExpression"]] = json.loads(target["Input"])
        return found

    async def fire(self, mode: str) -> None:
        constants = (await self.rules()).values()
        [constant] = [constant for constant in constants if constant["syncMode"] == mode]
        answer = await self._functions.invoke(
            FunctionName=FUNCTION_NAME, Payload=json.dumps(constant)
        )
        assert "FunctionError" not in answer, await answer["Payload"].read()


@pytest.fixture
async def schedule(stack: Stack) -> AsyncIterator[Schedule]:
    """Yield the schedule of a system in which nobody from an earlier test is connected."""
    rows(stack, "user_service", "UPDATE credentials SET is_connected = 0")
    options = {
        "region_name": stack["region"],
        "endpoint_url": stack["aws"],
        "aws_access_key_id": stack["aws_access_key_id"],
        "aws_secret_access_key": stack["aws_secret_access_key"],
    }
    session = get_session()
    async with (
        session.create_client("events", **options) as events,
        session.create_client("lambda", **options) as functions,
    ):
        yield Schedule(events, functions)


async def runs_of(student: Student) -> list[dict[str, Any]]:
    return list(await student.get("/integrations/canvas/sync/runs"))


async def has_run(student: Student, mode: str) -> bool:
    return any(
        run["mode"] == mode and run["status"] == "SUCCEEDED" for run in await runs_of(student)
    )


async def canvas_calls(canvas: httpx.AsyncClient) -> int:
    return int((await canvas.get("/_sandbox/requests")).json()["total"])


async def test_the_rules_are_those_of_production(schedule: Schedule) -> None:
    """additions.md D: assignments every 15 minutes, courses daily, each a constant for the function."""
    assert await schedule.rules() == {
        "rate(15 minutes)": {"fanOut": True, "syncMode": "assignments"},
        "cron(0 18 * * ? *)": {"fanOut": True, "syncMode": "courses"},
    }


async def test_the_schedule_fills_the_planners_of_all_students(
    sign_up: SignUp, canvas: httpx.AsyncClient, schedule: Schedule
) -> None:
    """additions.md D: nobody asks, and everybody's planner shows what is due."""
    students = [await sign_up(), await sign_up()]

    await schedule.fire("courses")
    for student in students:
        await until(lambda student=student: student.get("/enrollments"), seconds=30)
        await until(lambda student=student: has_run(student, "courses"), seconds=30)
    await schedule.fire("assignments")

    due = await due_assignments(canvas)
    for student in students:
        await student.shows(due, seconds=45)
        await until(lambda student=student: has_run(student, "assignments"))
        newest, oldest = await runs_of(student)
        assert (newest["trigger"], newest["mode"], oldest["mode"]) == (
            "SCHEDULED",
            "assignments",
            "courses",
        )
        assert (newest["coursesCount"], newest["assignmentsCount"]) == (2, 16)
        assert newest["finishedAt"] >= newest["startedAt"] >= oldest["finishedAt"]
        assert (await student.get("/integrations/status"))["canvas"]["lastSyncedAt"]


async def test_a_refused_token_is_tried_once_and_then_left_alone(
    sign_up: SignUp, canvas: httpx.AsyncClient, schedule: Schedule
) -> None:
    """C-02: one call, state "reconnect", no more syncs, old data kept."""
    student = await sign_up()
    await student.sync_everything()
    due = await due_assignments(canvas)
    await student.shows(due)
    await canvas.delete(f"/_sandbox/tokens/{student.canvas_token}")
    await canvas.delete("/_sandbox/requests")

    await schedule.fire("assignments")

    async def is_disconnected() -> bool:
        return not (await student.get("/integrations/status"))["canvas"]["isConnected"]

    await until(is_disconnected, seconds=30)
    assert await canvas_calls(canvas) == 1
    await schedule.fire("assignments")
    refused = await student.gateway.post("/api/v1/integrations/canvas/sync")
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "INVALID_CANVAS_TOKEN")
    calls = await canvas_calls(canvas)
    print(f"C-02: {calls} Canvas call with a revoked token, over two schedules and a trigger")
    assert calls == 1
    assert await student.planner() == due
    newest = (await runs_of(student))[0]
    assert (newest["status"], newest["errorCode"]) == ("FAILED", "INVALID_CANVAS_TOKEN")

    token = (await canvas.post("/_sandbox/users", json={})).json()["token"]
    await student.post("/integrations/canvas/credentials", {"canvasToken": token})
    assert (await student.sync())["assignmentsCount"] == 16


async def test_a_trigger_that_finds_the_token_refused_says_so(
    sign_up: SignUp, canvas: httpx.AsyncClient
) -> None:
    """C-02, additions.md D: by a direct invocation, too."""
    student = await sign_up()
    await canvas.delete(f"/_sandbox/tokens/{student.canvas_token}")

    answers = [
        await student.gateway.post("/api/v1/integrations/canvas/sync?mode=courses")
        for _ in range(2)
    ]

    assert [(a.status_code, a.json()["errorCode"]) for a in answers] == [
        (400, "INVALID_CANVAS_TOKEN")
    ] * 2
    assert not (await student.get("/integrations/status"))["canvas"]["isConnected"]


async def test_ten_triggers_at_once_call_canvas_as_one_does_and_change_nothing(
    stack: Stack, sign_up: SignUp, canvas: httpx.AsyncClient
) -> None:
    """C-08: at most 1.1 times the calls of one; a repeat writes 0 rows and publishes 0 changes."""
    student = await sign_up()
    await student.sync_everything()
    await student.shows(await due_assignments(canvas))
    await until(lambda: queues_are_empty(stack, and_analysed=True), seconds=60)
    await canvas.delete("/_sandbox/requests")
    await student.sync()
    calls_of_one = await canvas_calls(canvas)
    await until(lambda: queues_are_empty(stack, and_analysed=True), seconds=60)
    before = content(stack)
    await canvas.delete("/_sandbox/requests")
    # One would be over before the tenth has come.
    await canvas.put("/_sandbox/faults", json={"latency_ms": 300})

    answers = await asyncio.gather(*(student.sync() for _ in range(10)))

    calls_of_ten = await canvas_calls(canvas)
    await until(lambda: queues_are_empty(stack, and_analysed=True), seconds=60)
    print(f"C-08: one trigger {calls_of_one} calls, ten at once {calls_of_ten}")
    assert calls_of_ten <= 1.1 * calls_of_one
    assert len({json.dumps(answer, sort_keys=True) for answer in answers}) == 1
    assert content(stack) == before
