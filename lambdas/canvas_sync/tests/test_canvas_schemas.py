"""V-2: an entry is read as far as it can be, and a bad one never fails its neighbours."""

from datetime import datetime

import pytest

from lambdas.canvas_sync.canvas.schemas import CanvasAssignment, CanvasCourse, read_entries


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-11-28T14:59:00Z", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T14:59:00.987Z", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T23:59:00+09:00", datetime(2025, 11, 28, 14, 59)),
        ("2025-11-28T14:59:00", datetime(2025, 11, 28, 14, 59)),
        ("", None),
        (None, None),
    ],
)
def test_due_dates_keep_their_digits_and_offsets_become_utc(
    written: str | None, read: datetime | None
) -> None:
    """events.md 3.4"""
    reading = read_entries(CanvasAssignment, [{"id": 1, "name": "Lab", "due_at": written}])

    assert reading.usable[0].due_at == read


@pytest.mark.parametrize("due_at", ["soon", "2025-11-28", 1764341940, "0001-01-01T00:00:00+09:00"])
def test_an_unreadable_due_date_skips_the_entry_but_keeps_its_id(due_at: object) -> None:
    """C-05: read as no due date it would end a schedule."""
    reading = read_entries(CanvasAssignment, [{"id": 1, "name": "Lab", "due_at": due_at}])

    assert (reading.usable, reading.ids, reading.is_exhaustive) == ([], [1], True)


def test_an_entry_without_an_id_makes_the_listing_inexhaustive() -> None:
    """C-05: nobody knows which assignment it was, so none may be removed."""
    reading = read_entries(CanvasAssignment, [{"name": "Lab"}, None, {"id": 2, "name": "Quiz"}])

    assert [entry.id for entry in reading.usable] == [2]
    assert not reading.is_exhaustive


def test_optional_fields_of_a_wrong_type_are_left_out() -> None:
    entry = {
        "id": 21070000001234012,
        "name": "Lab",
        "description": 7,
        "points_possible": "many",
        "submission_types": ["online_url", None],
        "html_url": [],
        "created_at": "never",
        "new_field": {"of": "Canvas"},
    }

    assignment = read_entries(CanvasAssignment, [entry]).usable[0]

    kept = {name: value for name, value in assignment.model_dump().items() if value is not None}
    assert kept == {
        "id": 21070000001234012,
        "name": "Lab",
        "submission_types": ("online_url",),
    }


@pytest.mark.parametrize(
    "submission",
    [None, False, "submitted", [], {"submitted_at": "yesterday"}, {"submitted_at": 7}],
)
def test_a_submission_that_cannot_be_read_is_left_out_and_its_assignment_stays(
    submission: object,
) -> None:
    """C-05: read as nothing handed in it would take one back."""
    entry = {"id": 1, "name": "Lab", "submission": submission}

    [assignment] = read_entries(CanvasAssignment, [entry]).usable

    assert assignment.submission is None


def test_a_submission_is_read_as_far_as_it_can_be() -> None:
    entry = {
        "id": 1,
        "name": "Lab",
        "submission": {
            "submitted_at": "2025-11-27T19:00:00+09:00",
            "submission_type": 7,
            "workflow_state": "graded",
            "attachments": [{"filename": "a.py", "size": "big"}, None, {"content-type": 5}],
        },
    }

    [assignment] = read_entries(CanvasAssignment, [entry]).usable

    submission = assignment.submission
    assert submission is not None
    assert submission.submitted_at == datetime(2025, 11, 27, 10, 0)
    assert (submission.submission_type, submission.workflow_state) == (None, "graded")
    assert [(file.filename, file.size) for file in submission.attachments] == [
        ("a.py", None),
        (None, None),
    ]


@pytest.mark.parametrize("points", [20.5, 20, 0, None])
def test_points_may_be_fractional(points: float | None) -> None:
    entry = {"id": 1, "name": "Lab", "points_possible": points}

    assert read_entries(CanvasAssignment, [entry]).usable[0].points_possible == points


@pytest.mark.parametrize("name", [None, "", 5])
def test_a_course_without_a_name_is_skipped(name: object) -> None:
    """V-13"""
    entries = [{"id": 1, "name": name, "access_restricted_by_date": True}, {"id": 2, "name": "OS"}]

    assert [course.id for course in read_entries(CanvasCourse, entries).usable] == [2]


def test_characters_that_no_queue_takes_are_replaced() -> None:
    """Q-10: half characters have no UTF-8, and SQS refuses U+FFFE and U+FFFF."""
    entries = [{"id": 1, "name": "a\ud83db\uffffc 한글 🎓"}]

    assert read_entries(CanvasAssignment, entries).usable[0].name == "a\ufffdb\ufffdc 한글 🎓"
