"""How bodies and their entries are read (V-2)."""

from typing import Any

import pytest

from shared.events.bodies import read_body
from shared.events.course_service import SnapshotEntry
from shared.events.entries import read_entry

ENTRY = {"canvasAssignmentId": 1, "courseId": 2, "courseName": "OS", "title": "Lab"}
NEEDED = {"canvasAssignmentId", "courseId", "courseName", "title"}


def test_half_a_character_costs_neither_its_text_nor_its_neighbours() -> None:
    body = r'{"a": ["cut \ud83d", "whole 과제 😀", {"\udc00": 1}]}'

    assert read_body(body) == {"a": ["cut ?", "whole 과제 😀", {"?": 1}]}


@pytest.mark.parametrize("body", ["", "{", "[NaN]", b"\xff", "[" * 5_000, r'"\ud83d'])
def test_what_is_not_json_is_refused(body: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_body(body)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"description": []}, ["description"]),
        ({"pointsPossible": "many", "assignmentId": -1}, ["assignmentId", "pointsPossible"]),
    ],
)
def test_a_wrong_field_that_is_not_needed_is_left_out(
    changes: dict[str, Any], wrong: list[str]
) -> None:
    entry, found = read_entry(SnapshotEntry, {**ENTRY, **changes}, needed=NEEDED)

    assert (entry, found) == (SnapshotEntry.model_validate(ENTRY), wrong)


@pytest.mark.parametrize("raw", [{**ENTRY, "title": None}, {"title": "Lab"}, [], "x", None, 7])
def test_an_entry_without_what_it_needs_cannot_be_used(raw: Any) -> None:
    assert read_entry(SnapshotEntry, raw, needed=NEEDED)[0] is None
