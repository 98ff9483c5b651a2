"""Q-10: whatever a course holds, its messages keep to the shape and stay under the size limit."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lambdas.canvas_sync.canvas.schemas import CanvasAssignment, CanvasCourse
from lambdas.canvas_sync.messages import (
    MAX_DESCRIPTION_BYTES,
    MAX_FILES,
    CourseParts,
    Envelope,
    course_list_bodies,
    cut_to_bytes,
)
from lambdas.canvas_sync.schemas import SyncMode
from shared.events import samples
from shared.events.routes import MAX_MESSAGE_BYTES
from shared.messaging.publisher import MAX_BODY_BYTES

SYNCED_AT = "2025-11-20T03:04:05.678901"
OBSERVED_AT = "2025-11-20T03:04:05.123456Z"
SUB = "7b0e0f6a-1111-4222-8333-944455556666"
COURSE = CanvasCourse(
    id=4711,
    name="Operating Systems",
    course_code="OS-1",
    workflow_state="available",
    start_at="2025-09-01T00:00:00Z",
)


SUBMISSION = {
    "submitted_at": "2025-11-27T10:00:00Z",
    "submission_type": "online_upload",
    "workflow_state": "submitted",
    "attachments": [
        {
            "display_name": "lab.zip",
            "filename": "lab.zip",
            "content-type": "application/zip",
            "size": 20480,
            "url": "https://canvas.example.edu/files/1/download?verifier=secret",
        }
    ],
}


def _parts(course: CanvasCourse = COURSE) -> CourseParts:
    return CourseParts(Envelope(SUB, SyncMode.ASSIGNMENTS, SYNCED_AT), course, OBSERVED_AT)


def _bodies(pages: Iterator[Sequence[CanvasAssignment]], ids: list[int]) -> list[bytes]:
    parts = _parts()
    bodies = [body for page in pages for body in parts.add(page)]
    return [*bodies, *parts.end(ids)]


def _assignments(count: int, description: str) -> list[CanvasAssignment]:
    return [
        CanvasAssignment(id=number, name=f"과제 {number}", description=description)
        for number in range(1, count + 1)
    ]


def _sample(event_type: str) -> Any:
    folder = Path(samples.__file__).parent
    return json.loads((folder / f"{event_type}.json").read_text(encoding="utf-8"))


def test_a_synchronised_course_is_written_like_the_sample() -> None:
    assignment = CanvasAssignment.model_validate(
        {
            "id": 90210,
            "name": "Scheduler lab",
            "description": "<p>Part A and B</p>",
            "due_at": "2025-11-28T14:59:00Z",
            "points_possible": 20.5,
            "submission_types": ["online_upload", "online_url"],
            "html_url": "https://canvas.example.edu/courses/4711/assignments/90210",
            "created_at": "2025-11-01T00:00:00Z",
            "updated_at": "2025-11-02T00:00:00Z",
            "submission": SUBMISSION,
        }
    )

    bodies = _bodies(iter([[assignment]]), [90210])

    assert [json.loads(body) for body in bodies] == [_sample("CANVAS_SYNC_COMPLETED")]


def test_a_list_of_courses_is_written_like_the_sample() -> None:
    envelope = Envelope(SUB, SyncMode.COURSES, SYNCED_AT)

    bodies = list(course_list_bodies(envelope, OBSERVED_AT, [COURSE]))

    assert [json.loads(body) for body in bodies] == [_sample("CANVAS_COURSES_SYNCED")]


def test_five_thousand_assignments_with_64_kb_descriptions_stay_under_the_limit() -> None:
    """Q-10"""
    page = _assignments(100, "<p>" + "가나다" * 7_277 + "</p>")
    seen: list[int] = []
    complete = 0
    parts = _parts()

    def check(body: bytes) -> None:
        nonlocal complete
        assert len(body) <= MAX_BODY_BYTES < MAX_MESSAGE_BYTES
        course = json.loads(body)["courses"][0]
        seen.extend(entry["canvasAssignmentId"] for entry in course["assignments"])
        assert course["courseName"] == COURSE.name
        if "complete" in course:
            complete += 1
            assert course["canvasAssignmentIds"] == list(range(1, 5_001))

    for number in range(50):
        renumbered = [entry.model_copy(update={"id": entry.id + 100 * number}) for entry in page]
        for body in parts.add(renumbered):
            check(body)
    for body in parts.end(list(range(1, 5_001))):
        check(body)

    assert seen == list(range(1, 5_001))
    assert complete == 1


@pytest.mark.parametrize("description", ["\x01" * 65_535, '"' * 65_535, "\u2028" * 30_000])
def test_a_description_that_grows_in_json_still_fits(description: str) -> None:
    """Q-10: a control character takes six bytes."""
    bodies = _bodies(iter([_assignments(1, description)]), [1])

    assert max(len(body) for body in bodies) <= MAX_BODY_BYTES
    entries = [e for body in bodies for e in json.loads(body)["courses"][0]["assignments"]]
    assert len(entries) == 1
    assert entries[0]["description"]


def test_parts_are_as_full_as_the_limit_allows() -> None:
    bodies = _bodies(iter([_assignments(1_000, "x" * 3_000)]), list(range(1, 1_001)))

    assert all(len(body) > MAX_BODY_BYTES - 4_000 for body in bodies[:-1])


def test_only_the_last_part_is_complete() -> None:
    """C-05"""
    bodies = _bodies(iter([_assignments(200, "x" * 3_000)]), list(range(1, 201)))

    courses = [json.loads(body)["courses"][0] for body in bodies]
    assert len(courses) > 1
    assert [course.get("complete") for course in courses] == [None] * (len(courses) - 1) + [True]
    assert not any("canvasAssignmentIds" in course for course in courses[:-1])


def test_a_list_of_ten_thousand_ids_fits_beside_the_course() -> None:
    """Q-10: as many as the pages of one list can bring, with ids of full length."""
    ids = list(range(10**18, 10**18 + 10_000))

    bodies = _bodies(iter([_assignments(3, "x" * 65_000)]), ids)

    assert max(len(body) for body in bodies) <= MAX_BODY_BYTES
    assert json.loads(bodies[-1])["courses"][0]["canvasAssignmentIds"] == ids


def test_a_course_without_assignments_is_one_complete_empty_part() -> None:
    bodies = _bodies(iter([]), [])

    course = json.loads(bodies[0])["courses"][0]
    assert len(bodies) == 1
    assert (course["assignments"], course["complete"], course["canvasAssignmentIds"]) == (
        [],
        True,
        [],
    )


def test_a_listing_with_an_unknown_entry_does_not_claim_to_be_complete() -> None:
    """C-05"""
    bodies = list(_parts().end(None))

    assert "complete" not in json.loads(bodies[0])["courses"][0]


@pytest.mark.parametrize("limit", [65_533, 65_534, 65_535])
def test_a_korean_description_is_cut_between_two_characters(limit: int) -> None:
    text = "a" * (limit % 3) + "한" * 30_000

    cut = cut_to_bytes(text, limit)

    assert text.startswith(cut)
    assert limit - 2 <= len(cut.encode()) <= limit


def test_descriptions_are_cut_to_what_the_column_holds() -> None:
    bodies = _bodies(iter([_assignments(1, "한" * 50_000)]), [1])

    description = json.loads(bodies[0])["courses"][0]["assignments"][0]["description"]
    assert len(description.encode()) == MAX_DESCRIPTION_BYTES


def test_overlong_names_are_cut_and_overlong_addresses_left_out() -> None:
    course = CanvasCourse(id=1, name="강" * 300, course_code="c" * 300)
    assignment = CanvasAssignment(id=2, name="과" * 300, html_url="https://x/" + "y" * 3_000)
    parts = _parts(course)

    list(parts.add([assignment]))
    written = json.loads(next(parts.end([2])))["courses"][0]

    assert (written["courseName"], written["courseCode"]) == ("강" * 255, "c" * 255)
    assert written["assignments"][0]["title"] == "과" * 255
    assert written["assignments"][0]["htmlUrl"] is None


@pytest.mark.parametrize(
    ("nickname", "original_name", "course_name"),
    [("Systems", None, "Systems"), ("my favourite", "Operating Systems", "Operating Systems")],
)
def test_a_students_nickname_does_not_rename_the_shared_course(
    nickname: str, original_name: str | None, course_name: str
) -> None:
    course = CanvasCourse(id=4711, name=nickname, original_name=original_name)

    [body] = _parts(course).end([])

    assert json.loads(body)["courses"][0]["courseName"] == course_name


def test_no_address_of_a_submission_is_in_a_message() -> None:
    """events.md 7: addresses of files may carry keys."""
    assignment = CanvasAssignment.model_validate(
        {"id": 1, "name": "Lab", "submission": {**SUBMISSION, "url": "https://x.example/?k=secret"}}
    )

    [body] = _bodies(iter([[assignment]]), [1])

    assert b"secret" not in body
    assert b"lab.zip" in body


def test_a_submission_of_a_thousand_files_leaves_room_for_the_message() -> None:
    """Q-10"""
    file = {"display_name": "\x01" * 300, "content-type": "\x01" * 255, "size": 1}
    assignment = CanvasAssignment.model_validate(
        {
            "id": 1,
            "name": "Lab",
            "description": "d" * 70_000,
            "submission": {"attachments": [file] * 1_000},
        }
    )

    [body] = _bodies(iter([[assignment]]), [1])

    assert len(body) <= MAX_BODY_BYTES
    [entry] = json.loads(body)["courses"][0]["assignments"]
    assert len(entry["submission"]["files"]) == MAX_FILES


def test_a_thousand_courses_are_split_over_several_messages() -> None:
    """Q-10"""
    courses = [CanvasCourse(id=number, name="강의" * 100) for number in range(1, 1_001)]
    envelope = Envelope(SUB, SyncMode.COURSES, SYNCED_AT)

    bodies = list(course_list_bodies(envelope, OBSERVED_AT, courses))

    assert len(bodies) > 1
    assert max(len(body) for body in bodies) <= MAX_BODY_BYTES
    ids = [course["canvasCourseId"] for body in bodies for course in json.loads(body)["courses"]]
    assert ids == list(range(1, 1_001))


def test_a_student_without_courses_gets_one_empty_message() -> None:
    envelope = Envelope(SUB, SyncMode.COURSES, SYNCED_AT)

    bodies = list(course_list_bodies(envelope, OBSERVED_AT, []))

    assert [json.loads(body)["courses"] for body in bodies] == [[]]
