"""What one synchronisation does, against the sandbox over HTTP (events.md 2.2, additions.md D)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from lambdas.canvas_sync.errors import EnrollmentsUnavailable, SyncTimedOut, TokenUnavailable
from local_stack.canvas_sandbox.faults import Delays
from local_stack.canvas_sandbox.rate_limit import LeakyBuckets
from shared.events.canvas_sync import AssignmentEntry, CourseEntry, SyncMessage
from shared.logging import correlation_id
from shared.messaging.publisher import MAX_BODY_BYTES

EnableAll = Callable[[], Awaitable[list[int]]]
SUB = "7b0e0f6a-1111-4222-8333-944455556666"


async def test_every_assignment_of_every_enabled_course_is_published_once(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    await canvas.reset(courses=4, assignments_per_course=20)
    await enable_all()

    result = await synchroniser.run()

    named = {course["id"]: course for course in await canvas.courses() if course["name"]}
    published = synchroniser.by_course()
    assert set(published) == set(named)
    for course_id, parts in published.items():
        expected = [assignment["id"] for assignment in named[course_id]["assignments"]]
        assert sorted(e["canvasAssignmentId"] for e in parts[0]["assignments"]) == sorted(expected)
        assert len(parts) == 1
        assert parts[0]["complete"] is True
        assert sorted(parts[0]["canvasAssignmentIds"]) == sorted(expected)
    assert (result.courses_count, result.assignments_count) == (4, 80)


async def test_all_pages_are_read(synchroniser: Any, canvas: Any, enable_all: EnableAll) -> None:
    """C-03: every item once, none missing."""
    await canvas.reset(courses=1, assignments_per_course=250, description_bytes=10)
    await enable_all()

    result = await synchroniser.run()

    [parts] = synchroniser.by_course().values()
    ids = [entry["canvasAssignmentId"] for part in parts for entry in part["assignments"]]
    print(f"\nC-03: {len(set(ids))} of 250 assignments, {len(ids) - len(set(ids))} twice")  # noqa: T201
    assert len(ids) == len(set(ids)) == 250
    assert sorted(parts[-1]["canvasAssignmentIds"]) == sorted(ids)
    assert result.assignments_count == 250
    assert (await canvas.requests())["total"] == 1 + 3


async def test_more_courses_than_a_page_holds_are_all_listed(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """C-03"""
    await canvas.reset(courses=130, assignments_per_course=0)
    await enable_all()

    result = await synchroniser.run("courses")

    assert result.courses_count == 130
    assert len(synchroniser.by_course()) == 130


async def test_messages_have_the_published_shape(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    await synchroniser.run()

    for message in synchroniser.messages():
        parsed = SyncMessage.model_validate(message)
        assert (parsed.event_type, parsed.sync_mode) == ("CANVAS_SYNC_COMPLETED", "assignments")
        assert parsed.cognito_sub == SUB
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", parsed.synced_at or "")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", parsed.observed_at or "")
        for course in map(CourseEntry.model_validate, parsed.courses):
            for entry in map(AssignmentEntry.model_validate, course.assignments):
                assert entry.due_at is None or re.fullmatch(r"[\d-]{10}T[\d:]{8}", entry.due_at)
    assert len({message["syncedAt"] for message in synchroniser.messages()}) == 1


async def test_a_moved_due_date_is_that_of_this_student(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """additions.md D, per student: Canvas answers with the caller's own date."""
    assignment = next(a for c in await canvas.courses() for a in c["assignments"])
    override = {"token": canvas.token, "due_at": "2026-12-24T23:59:00+09:00", "visible": True}
    path = f"/_sandbox/assignments/{assignment['id']}/override"
    (await canvas.control.put(path, json=override)).raise_for_status()

    await synchroniser.run()

    entries = [e for parts in synchroniser.by_course().values() for e in parts[0]["assignments"]]
    [moved] = [e for e in entries if e["canvasAssignmentId"] == assignment["id"]]
    assert moved["dueAt"] == "2026-12-24T14:59:00"


async def test_what_the_student_handed_in_is_published_without_addresses(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """additions.md D, submissions"""
    assignment = next(a for c in await canvas.courses() for a in c["assignments"])
    handed_in = {
        "token": canvas.token,
        "submitted_at": "2026-11-20T10:00:00Z",
        "submission_type": "online_upload",
    }
    path = f"/_sandbox/assignments/{assignment['id']}/submission"
    (await canvas.control.put(path, json=handed_in)).raise_for_status()

    await synchroniser.run()

    entries = {
        entry["canvasAssignmentId"]: entry["submission"]
        for parts in synchroniser.by_course().values()
        for entry in parts[0]["assignments"]
    }
    own = entries.pop(assignment["id"])
    [file] = own.pop("files")
    assert own == {
        "submittedAt": "2026-11-20T10:00:00",
        "submissionType": "online_upload",
        "workflowState": "submitted",
    }
    assert file.keys() == {"filename", "size", "contentType"}
    assert {other["workflowState"] for other in entries.values()} == {"unsubmitted"}
    assert "verifier" not in str(synchroniser.messages())


async def test_only_enabled_courses_are_asked_for_their_assignments(
    synchroniser: Any, canvas: Any, services: Any, enable_all: EnableAll
) -> None:
    """V-5: counted are the included ones."""
    courses = [course for course in await canvas.courses() if course["name"]]
    services.enabled_ids = [courses[0]["id"]]

    result = await synchroniser.run()

    assert set(synchroniser.by_course()) == {courses[0]["id"]}
    assert (result.courses_count, result.assignments_count) == (1, 3)
    assert (await canvas.requests())["total"] == 2


async def test_no_enabled_course_means_no_token_no_canvas_call_and_no_message(
    synchroniser: Any, canvas: Any, services: Any
) -> None:
    """events.md 2.2, step 1"""
    result = await synchroniser.run()

    assert (result.courses_count, result.assignments_count) == (0, 0)
    assert services.server.paths() == ["/internal/v1/enrollments/enabled"]
    assert (await canvas.requests())["total"] == 0
    assert synchroniser.messages() == []


async def test_enabled_courses_that_canvas_no_longer_lists_give_no_message(
    synchroniser: Any, services: Any, enable_all: EnableAll
) -> None:
    """events.md 2.2, step 5"""
    services.enabled_ids = [987654321]

    result = await synchroniser.run()

    assert (result.courses_count, result.assignments_count) == (0, 0)
    assert synchroniser.messages() == []


async def test_mode_courses_lists_all_courses_without_asking_for_assignments(
    synchroniser: Any, canvas: Any, services: Any, enable_all: EnableAll
) -> None:
    services.enabled_ids = []

    result = await synchroniser.run("courses")

    [message] = synchroniser.messages()
    assert (message["eventType"], message["syncMode"]) == ("CANVAS_COURSES_SYNCED", "courses")
    assert [course["assignments"] for course in message["courses"]] == [[], []]
    assert not any("complete" in course for course in message["courses"])
    assert (result.courses_count, result.assignments_count) == (2, 0)
    assert (await canvas.requests())["total"] == 1
    assert "/internal/v1/enrollments/enabled" not in services.server.paths()


async def test_mode_courses_without_any_course_still_says_so(
    synchroniser: Any, canvas: Any, services: Any
) -> None:
    """events.md 2.2, step 6"""
    answer = await canvas.control.post("/_sandbox/users", json={"course_ids": []})
    services.tokens[SUB] = answer.json()["token"]

    result = await synchroniser.run("courses")

    assert [message["courses"] for message in synchroniser.messages()] == [[]]
    assert result.courses_count == 0


async def test_a_course_without_a_name_is_left_out(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """V-13: it does not break the others."""
    everything = await enable_all()
    result = await synchroniser.run("courses")

    assert len(everything) == 3
    assert result.courses_count == 2
    assert all(course["courseName"] for m in synchroniser.messages() for course in m["courses"])


async def test_a_course_without_assignments_is_published_complete_and_empty(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    await canvas.reset(courses=1, assignments_per_course=0)
    await enable_all()

    result = await synchroniser.run()

    [[part]] = synchroniser.by_course().values()
    assert (part["assignments"], part["complete"], part["canvasAssignmentIds"]) == ([], True, [])
    assert (result.courses_count, result.assignments_count) == (1, 0)


async def test_thirty_courses_of_forty_assignments_of_3_kb_stay_under_the_limit(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """Q-10, and C-01: no answer is a refusal."""
    await canvas.reset(courses=30, assignments_per_course=40, description_bytes=3_000)
    await enable_all()
    sizes: list[int] = []
    send = synchroniser.sqs.send_message_batch

    async def measured(**request: Any) -> Any:
        sizes.append(sum(len(entry["MessageBody"].encode()) for entry in request["Entries"]))
        return await send(**request)

    synchroniser.sqs.send_message_batch = measured

    result = await synchroniser.run()

    assert (result.courses_count, result.assignments_count) == (30, 1_200)
    assert max(sizes) <= MAX_BODY_BYTES
    requests = await canvas.requests()
    assert (requests["total"], requests["throttled"]) == (31, 0)
    assert requests["max_in_flight"] <= 8


async def test_a_course_larger_than_a_message_is_split_with_its_header_repeated(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """Q-10"""
    await canvas.reset(courses=1, assignments_per_course=150, description_bytes=6_000)
    await enable_all()

    await synchroniser.run()

    [parts] = synchroniser.by_course().values()
    ids = [entry["canvasAssignmentId"] for part in parts for entry in part["assignments"]]
    assert len(parts) > 2
    assert len({part["courseName"] for part in parts}) == 1
    assert sorted(parts[-1]["canvasAssignmentIds"]) == sorted(ids)
    assert len(ids) == 150


class HeldUntilEight(Delays):
    """Answers the list of courses at once, and courses only when eight calls wait or never will."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived = 0
        self._are_eight = asyncio.Event()

    async def hold_back(self, seconds: float) -> None:
        self._arrived += 1
        if self._arrived == 1:
            return
        if self._arrived == 1 + 8:
            self._are_eight.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                await self._are_eight.wait()
        # A ninth would come now.
        await super().hold_back(seconds)


async def test_calls_run_side_by_side_but_never_more_than_eight(
    synchroniser: Any, canvas: Any, enable_all: EnableAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-01"""
    await canvas.reset(courses=20, assignments_per_course=2)
    await enable_all()
    monkeypatch.setattr(canvas.sandbox, "delays", HeldUntilEight())
    await canvas.set_faults(latency_ms=20)

    await synchroniser.run()

    requests = await canvas.requests()
    assert requests["max_in_flight"] == 8
    assert requests["throttled"] == 0


async def test_a_token_with_little_allowance_left_is_used_one_call_at_a_time(
    synchroniser: Any, canvas: Any, enable_all: EnableAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-01: one at a time below a quarter."""
    await canvas.reset(courses=6, assignments_per_course=2)
    await enable_all()
    await canvas.set_faults(latency_ms=5)
    # Nothing leaks while the clock stands: after ten seconds two calls at once would be right.
    monkeypatch.setattr(canvas.sandbox, "buckets", LeakyBuckets(clock=lambda: 0.0))
    for _ in range(10):
        canvas.sandbox.buckets.of(canvas.token).reserve()

    await synchroniser.run()

    requests = await canvas.requests()
    assert requests["max_in_flight"] == 1
    assert requests["throttled"] == 0


@pytest.mark.parametrize("form", ["429", "403"])
async def test_both_forms_of_throttling_are_waited_out(
    synchroniser: Any, canvas: Any, enable_all: EnableAll, form: str
) -> None:
    """C-01: a 403 is not read as a lack of rights before its text has been."""
    await canvas.set_faults(throttle=form, times=2)

    result = await synchroniser.run()

    assert (result.courses_count, result.assignments_count) == (2, 6)
    assert (await canvas.requests())["throttled"] == 2


async def test_calls_name_the_application_and_the_services_get_the_request_id(
    synchroniser: Any, services: Any, enable_all: EnableAll
) -> None:
    bound = correlation_id.set("request-0001")
    try:
        await synchroniser.run()
    finally:
        correlation_id.reset(bound)

    headers = [request.headers for request in services.server.requests]
    assert [h["X-Request-Id"] for h in headers] == ["request-0001"] * 2
    assert all(h["User-Agent"].startswith("UniSync/") for h in headers)
    assert "X-Api-Key" not in headers[0]


async def test_a_student_without_a_token_fails_without_a_canvas_call(
    synchroniser: Any, canvas: Any, services: Any
) -> None:
    services.enabled_ids = [1]

    with pytest.raises(TokenUnavailable):
        await synchroniser.run()

    assert (await canvas.requests())["total"] == 0


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "토큰", None, 7])
async def test_a_token_that_no_header_can_carry_is_refused_before_it_is_used(
    synchroniser: Any, canvas: Any, services: Any, token: Any
) -> None:
    """An HTTP library would repeat it in its error."""
    services.enabled_ids = [1]
    services.tokens[SUB] = token

    with pytest.raises(TokenUnavailable, match="unusable answer"):
        await synchroniser.run()

    assert (await canvas.requests())["total"] == 0


async def test_failing_services_are_named_without_their_answers(
    synchroniser: Any, services: Any
) -> None:
    services.server.answer = lambda request: PlainTextResponse("secret stack trace", 500)

    with pytest.raises(EnrollmentsUnavailable, match="status 500") as caught:
        await synchroniser.run()
    with pytest.raises(TokenUnavailable, match="status 500"):
        await synchroniser.run("courses")

    assert "secret" not in str(caught.value)


async def test_a_synchronisation_ends_when_its_time_is_up(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """C-03: bounded in time."""
    await canvas.set_faults(latency_ms=2_000)

    with pytest.raises(SyncTimedOut) as caught:
        await synchroniser.run(max_seconds=0.2)

    assert caught.value.__context__ is None
    await canvas.set_faults()
