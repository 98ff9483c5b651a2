"""C-02 to C-05: what goes wrong at Canvas ends as an error with its cause, and never as a complete listing."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from traceback import format_exception
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from lambdas.canvas_sync.canvas import client
from lambdas.canvas_sync.canvas.errors import (
    CanvasAnswerUnusable,
    CanvasError,
    CanvasPermissionDenied,
    CanvasThrottled,
    CanvasTokenRefused,
    CanvasUnavailable,
)
from lambdas.canvas_sync.errors import SyncIncomplete
from shared.logging import JSONFormatter
from shared.messaging.publisher import PublishError

SUB = "7b0e0f6a-1111-4222-8333-944455556666"
EnableAll = Callable[[], Awaitable[list[int]]]
COURSES = [{"id": 1, "name": "Operating Systems", "course_code": "OS"}]
LAB = {"id": 11, "name": "Lab", "description": "<p>text</p>", "due_at": "2025-11-28T14:59:00Z"}


def _canvas_with(assignments: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Answer one course, and its assignments as given."""

    def answer(request: Request) -> Response:
        return assignments(request) if "assignments" in request.url.path else JSONResponse(COURSES)

    return answer


def _page(entries: list[Any], next_url: str | None = None) -> Response:
    headers = {} if next_url is None else {"Link": f'<{next_url}>; rel="next"'}
    return JSONResponse(entries, headers=headers)


@pytest.mark.parametrize("status", [500, 502, 503, 408])
async def test_a_passing_failure_is_repeated_and_overcome(
    synchroniser: Any, canvas: Any, enable_all: EnableAll, status: int
) -> None:
    """C-05"""
    await canvas.set_faults(status=status, times=2)

    result = await synchroniser.run()

    assert result.assignments_count == 6
    assert (await canvas.requests())["total"] == 3 + 2


async def test_a_lasting_failure_ends_after_three_tries_without_a_message(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """C-05"""
    await canvas.set_faults(status=503)

    with pytest.raises(CanvasUnavailable, match="503"):
        await synchroniser.run()

    assert (await canvas.requests())["total"] == 3
    assert synchroniser.messages() == []


async def test_a_course_that_fails_does_not_hold_up_the_others(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """C-05: the run fails, what was read to its end is published as complete."""
    await canvas.reset(courses=5, assignments_per_course=2)
    await enable_all()
    broken = next(course["id"] for course in await canvas.courses() if course["name"])
    await canvas.set_faults(status=500, path=f"/courses/{broken}/assignments")

    with pytest.raises(SyncIncomplete, match="4 of 5 courses published: Canvas answered 500"):
        await synchroniser.run()

    assert broken not in synchroniser.by_course()
    assert len(synchroniser.by_course()) == 4
    assert all(part["complete"] for parts in synchroniser.by_course().values() for part in parts)


async def test_an_outage_is_not_tried_on_every_course(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """C-05"""
    await canvas.reset(courses=100, assignments_per_course=0)
    await enable_all()
    await canvas.set_faults(status=500, path="/assignments")

    with pytest.raises(SyncIncomplete):
        await synchroniser.run()

    assert (await canvas.requests())["total"] < 60


async def test_a_page_that_is_missing_leaves_the_listing_incomplete(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-05: what came before the gap may be published, but never as complete."""
    many = [{**LAB, "id": number, "description": "x" * 60_000} for number in range(1, 11)]

    def assignments(request: Request) -> Response:
        if "page" in request.query_params:
            return Response(status_code=500)
        return _page(many, str(request.url.include_query_params(page="2")))

    scripted_canvas.answer = _canvas_with(assignments)

    with pytest.raises(SyncIncomplete):
        await scripted_synchroniser.run()

    parts = scripted_synchroniser.by_course()[1]
    assert parts
    assert not any("complete" in part or "canvasAssignmentIds" in part for part in parts)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_course_without_access_is_skipped(
    synchroniser: Any, canvas: Any, enable_all: EnableAll, status: int
) -> None:
    """C-02: no right to one course is no failure of the others, nor of the token."""
    closed = next(course["id"] for course in await canvas.courses() if course["name"])
    await canvas.set_faults(status=status, path=f"/courses/{closed}/assignments")

    result = await synchroniser.run()

    assert (result.courses_count, result.assignments_count) == (1, 3)
    assert closed not in synchroniser.by_course()


async def test_a_refused_token_ends_everything_after_one_call(
    synchroniser: Any, canvas: Any, services: Any, enable_all: EnableAll
) -> None:
    """C-02: one call, and who keeps the token is told which one it was."""
    await canvas.revoke()

    with pytest.raises(CanvasTokenRefused):
        await synchroniser.run()

    calls = (await canvas.requests())["total"]
    print(f"C-02: {calls} call(s) with a revoked token")  # noqa: T201
    assert calls == 1
    assert synchroniser.messages() == []
    assert services.refused == [SUB]
    assert services.refused_digests == [hashlib.sha256(canvas.token.encode()).hexdigest()]


async def test_a_report_that_does_not_arrive_leaves_the_refusal_as_it_is(
    synchroniser: Any, canvas: Any, services: Any, enable_all: EnableAll
) -> None:
    """C-02: the next synchronisation reports it again."""
    await canvas.revoke()
    real = services.answer

    async def answer(request: Request) -> Response:
        if request.url.path.endswith("/refused"):
            return Response(status_code=503)
        return await real(request)

    services.server.answer = answer

    with pytest.raises(CanvasTokenRefused):
        await synchroniser.run()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_lack_of_rights_is_not_reported_as_a_refused_token(
    synchroniser: Any, canvas: Any, services: Any, enable_all: EnableAll, status: int
) -> None:
    """C-02: 401 without `WWW-Authenticate` is about the object, not the token."""
    await canvas.set_faults(status=status, path="/assignments")

    await synchroniser.run()

    assert services.refused == []


async def test_a_token_revoked_half_way_stops_the_calls(
    scripted_synchroniser: Any, scripted_canvas: Any, services: Any
) -> None:
    """C-02"""
    services.enabled_ids = list(range(1, 101))

    def answer(request: Request) -> Response:
        if "assignments" in request.url.path:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return JSONResponse([{"id": number, "name": "OS"} for number in range(1, 101)])

    scripted_canvas.answer = answer

    with pytest.raises(CanvasTokenRefused):
        await scripted_synchroniser.run()

    assert len(scripted_canvas.requests) <= 1 + 8


async def test_no_access_to_the_list_of_courses_is_an_error(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    await canvas.set_faults(status=401)

    with pytest.raises(CanvasPermissionDenied):
        await synchroniser.run()


async def test_lasting_throttling_ends_the_synchronisation(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    """C-01, C-05: further calls would add to what made Canvas refuse."""
    await canvas.reset(courses=20, assignments_per_course=1)
    await enable_all()
    await canvas.set_faults(throttle="403", path="/assignments")

    with pytest.raises(CanvasThrottled):
        await synchroniser.run()

    assert (await canvas.requests())["throttled"] <= 8 + 2


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_retry_after_beyond_what_we_can_wait_fails_at_once(
    scripted_synchroniser: Any, scripted_canvas: Any, as_date: bool
) -> None:
    """C-05: at most 60 s."""
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    headers = {"Retry-After": later if as_date else "3600"}
    scripted_canvas.answer = lambda request: Response(status_code=429, headers=headers)

    with pytest.raises(CanvasThrottled):
        await scripted_synchroniser.run()

    assert len(scripted_canvas.requests) == 1


async def test_a_retry_after_is_waited_for(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    times: list[datetime] = []

    def answer(request: Request) -> Response:
        times.append(datetime.now(UTC))
        if len(times) == 1:
            return Response(status_code=429, headers={"Retry-After": "0.4"})
        return JSONResponse([])

    scripted_canvas.answer = answer

    await scripted_synchroniser.run("courses")

    assert (times[1] - times[0]).total_seconds() >= 0.4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[{",
        b'{"errors": []}',
        b"<html>maintenance</html>",
        b"null",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_an_answer_that_is_no_list_is_tried_three_times(
    scripted_synchroniser: Any, scripted_canvas: Any, body: bytes
) -> None:
    """C-05: wrong JSON."""
    scripted_canvas.answer = _canvas_with(lambda request: Response(body))

    with pytest.raises(SyncIncomplete, match="no list"):
        await scripted_synchroniser.run()

    assert len(scripted_canvas.requests) == 1 + 3
    assert scripted_synchroniser.messages() == []


async def test_an_answer_that_is_cut_off_is_tried_again(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-05: cuts."""

    def assignments(request: Request) -> Response:
        if len(scripted_canvas.requests) > 2:
            return _page([LAB])

        async def pieces() -> Any:
            yield json.dumps([LAB])[:20].encode()
            raise ConnectionResetError

        return StreamingResponse(pieces(), media_type="application/json")

    scripted_canvas.answer = _canvas_with(assignments)

    result = await scripted_synchroniser.run()

    assert result.assignments_count == 1


def _cut() -> Response:
    async def pieces() -> Any:
        yield b'[{"id": 12, "name": "Quiz"}'
        raise ConnectionResetError

    return StreamingResponse(pieces(), media_type="application/json")


SECOND_PAGES: dict[str, Callable[[], Response]] = {
    **{
        f"status {status}": partial(Response, "failed", status)
        for status in (400, 401, 403, 404, 408, 410, 422, 425, 429, 500, 502, 503, 504)
    },
    "old throttling": partial(Response, "403 Forbidden (Rate Limit Exceeded)", 403),
    "refused token": partial(Response, "", 401, {"WWW-Authenticate": "Bearer"}),
    "redirect": partial(Response, "", 302, {"Location": "/login"}),
    "cut off": _cut,
    "no body": partial(Response, ""),
    "no JSON": partial(Response, "<html>maintenance</html>"),
    "half of the JSON": partial(Response, '[{"id": 12'),
    "an object": partial(JSONResponse, {"errors": []}),
    "null": partial(JSONResponse, None),
    "a number": partial(JSONResponse, 7),
    "too deep": partial(Response, "[" * 100_000),
    "unreadable links": partial(JSONResponse, [], headers={"Link": "next page"}),
    "a link elsewhere": partial(
        JSONResponse, [], headers={"Link": '<https://evil.example/>; rel="next"'}
    ),
    "an entry without an id": partial(JSONResponse, [{"name": "Quiz"}]),
    "an entry that is none": partial(JSONResponse, [None]),
}


async def test_no_fault_on_a_later_page_makes_a_listing_complete(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-05: errors, cuts, wrong JSON, missing pages: at most 3 tries, and nothing is removed for them."""
    most_tries = failed = 0
    for second_page in SECOND_PAGES.values():
        scripted_canvas.requests.clear()

        def answer(request: Request, second_page: Any = second_page) -> Response:
            if "page" in request.query_params:
                return second_page()
            return _page([LAB], str(request.url.include_query_params(page="2")))

        scripted_canvas.answer = _canvas_with(answer)
        try:
            await scripted_synchroniser.run()
        except (SyncIncomplete, CanvasError):
            failed += 1
        tries = sum("page" in request.query_params for request in scripted_canvas.requests)
        most_tries = max(most_tries, tries)

    parts = scripted_synchroniser.by_course().get(1, [])
    complete = sum("complete" in part for part in parts)
    print(  # noqa: T201
        f"\nC-05: {len(SECOND_PAGES)} faults, at most {most_tries} tries, {failed} runs failed,"
        f" {complete} listings called complete"
    )
    assert most_tries == 3
    assert complete == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    scripted_synchroniser: Any, scripted_canvas: Any, status: int
) -> None:
    """C-04"""
    scripted_canvas.answer = _canvas_with(
        lambda request: RedirectResponse(f"{scripted_canvas.url}/elsewhere", status)
    )

    with pytest.raises(SyncIncomplete, match=str(status)):
        await scripted_synchroniser.run()

    assert "/elsewhere" not in scripted_canvas.paths()


async def test_a_relative_page_link_is_followed(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-03: any legal Link header."""

    def assignments(request: Request) -> Response:
        if request.query_params.get("page") == "bookmark:x=":
            return _page([{**LAB, "id": 12}])
        return _page([LAB], "/api/v1/courses/1/assignments?page=bookmark:x=&per_page=100")

    scripted_canvas.answer = _canvas_with(assignments)

    result = await scripted_synchroniser.run()

    assert result.assignments_count == 2
    assert str(scripted_canvas.requests[-1].url).count("per_page=100") == 1


async def test_an_entry_on_two_pages_is_published_once(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-03: something moved between two calls."""

    def assignments(request: Request) -> Response:
        if "page" in request.query_params:
            return _page([{**LAB, "id": 12}, {**LAB, "id": 13}, {**LAB, "id": 13}])
        link = str(request.url.include_query_params(page="2"))
        return _page([LAB, {**LAB, "id": 12}], link)

    scripted_canvas.answer = _canvas_with(assignments)

    await scripted_synchroniser.run()

    [part] = scripted_synchroniser.by_course()[1]
    assert [entry["canvasAssignmentId"] for entry in part["assignments"]] == [11, 12, 13]
    assert part["canvasAssignmentIds"] == [11, 12, 13]


async def test_an_unusable_entry_is_skipped_but_stays_in_the_list_of_ids(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-05: it exists, so it must not be removed."""
    entries = [LAB, {"id": 12}, {"id": 13, "name": "Quiz", "due_at": "soon"}]
    scripted_canvas.answer = _canvas_with(lambda request: _page(entries))

    result = await scripted_synchroniser.run()

    [part] = scripted_synchroniser.by_course()[1]
    assert [entry["canvasAssignmentId"] for entry in part["assignments"]] == [11]
    assert (part["complete"], part["canvasAssignmentIds"]) == (True, [11, 12, 13])
    assert result.assignments_count == 1


async def test_an_entry_without_an_id_forbids_to_remove_anything(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-05"""
    scripted_canvas.answer = _canvas_with(lambda request: _page([LAB, {"name": "Quiz"}]))

    await scripted_synchroniser.run()

    [part] = scripted_synchroniser.by_course()[1]
    assert len(part["assignments"]) == 1
    assert "complete" not in part


async def test_pages_that_lead_in_a_circle_are_an_error(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-03"""
    scripted_canvas.answer = _canvas_with(lambda request: _page([LAB], str(request.url)))

    with pytest.raises(SyncIncomplete, match="lead back"):
        await scripted_synchroniser.run()

    assert len(scripted_canvas.requests) == 2


async def test_pages_without_end_are_an_error(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-03: bounded in pages."""

    def assignments(request: Request) -> Response:
        page = int(request.query_params.get("page", "1"))
        return _page([], str(request.url.include_query_params(page=str(page + 1))))

    scripted_canvas.answer = _canvas_with(assignments)

    with pytest.raises(SyncIncomplete, match="more than 100 pages"):
        await scripted_synchroniser.run()

    assert len(scripted_canvas.requests) == 1 + client.MAX_PAGES
    assert scripted_synchroniser.messages() == []


async def test_a_page_without_end_is_given_up(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-03: bounded in bytes."""

    def assignments(request: Request) -> Response:
        async def pieces() -> Any:
            while not await request.is_disconnected():
                yield b" " * (1 << 18)

        return StreamingResponse(pieces(), media_type="application/json")

    scripted_canvas.answer = _canvas_with(assignments)

    with pytest.raises(SyncIncomplete, match="too large"):
        await scripted_synchroniser.run()

    assert len(scripted_canvas.requests) == 2


async def test_a_session_cookie_of_one_student_is_not_sent_for_another(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    """C-04: the client outlives an invocation."""
    cookie = {"Set-Cookie": "canvas_session=secret; Path=/"}
    scripted_canvas.answer = lambda request: JSONResponse([], headers=cookie)

    await scripted_synchroniser.run("courses")
    await scripted_synchroniser.run("courses")

    assert not any("cookie" in request.headers for request in scripted_canvas.requests)


async def test_a_queue_that_is_away_fails_the_synchronisation(
    synchroniser: Any, canvas: Any, enable_all: EnableAll
) -> None:
    synchroniser.sqs.is_away = True

    with pytest.raises(SyncIncomplete, match="0 of 2 courses"):
        await synchroniser.run()
    with pytest.raises(PublishError):
        await synchroniser.run("courses")


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: Response(status_code=401, headers={"WWW-Authenticate": "Bearer"}),
        lambda request: Response(request.headers["authorization"], 500),
        lambda request: Response(request.headers["authorization"], 429),
        lambda request: Response(request.headers["authorization"]),
        lambda request: _page([], "https://evil.example/?t=" + request.headers["authorization"]),
        lambda request: StreamingResponse(_breaking()),
    ],
)
async def test_no_token_is_in_an_error_its_chain_or_the_log(
    scripted_synchroniser: Any,
    scripted_canvas: Any,
    services: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[Request], Response],
) -> None:
    """C-07: whatever Canvas says back."""
    token = "4~secret-token-of-a-student"
    services.tokens["7b0e0f6a-1111-4222-8333-944455556666"] = token
    scripted_canvas.answer = answer

    with caplog.at_level("INFO"), pytest.raises(CanvasError) as caught:
        await scripted_synchroniser.run("courses")

    problem: BaseException | None = caught.value
    assert "".join(format_exception(problem)).count(token) == 0
    while problem is not None:
        assert token not in repr(problem) + repr(vars(problem))
        assert type(problem).__module__.startswith("lambdas.")
        problem = problem.__cause__ or problem.__context__
    ours = [record for record in caplog.records if record.name.startswith("lambdas.")]
    formatter = JSONFormatter("canvas_sync")
    assert not any(token in formatter.format(record) for record in ours)
    assert not any(token in record.getMessage() for record in caplog.records)


async def _breaking() -> Any:
    yield b"["
    raise ConnectionResetError


async def test_unusable_answers_have_their_own_error(
    scripted_synchroniser: Any, scripted_canvas: Any
) -> None:
    scripted_canvas.answer = lambda request: Response(status_code=422)

    with pytest.raises(CanvasAnswerUnusable, match="422"):
        await scripted_synchroniser.run("courses")

    assert len(scripted_canvas.requests) == 1
