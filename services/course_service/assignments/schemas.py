"""How an assignment looks to a client, and how one student's listing showed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Self

import orjson
from pydantic import Field

from shared.events.canvas_sync import SubmissionEntry
from shared.events.submissions import is_handed_in
from shared.web.schemas import Answer, WholeSecondsDatetime

MAX_FILES = 20
"""Of one submission, by name; Canvas sets no limit, and a message has one."""

MAX_TEXT_LENGTH = 255
"""Width of the columns for names, titles and submission types, and of each text about a submission."""

LISTING_VERSION = 1
"""Raised when the same entry is to be stored differently, so that every student's next listing is applied."""


class AssignmentRead(Answer):
    """An assignment with the caller's own due date (rest.md 3.2)."""

    id: int = Field(examples=[12])
    canvas_assignment_id: int = Field(examples=[90210])
    course_id: int = Field(examples=[3])
    title: str = Field(examples=["Scheduler lab"])
    description: str | None = Field(
        description="HTML that is safe to show", examples=["<p>Part A and B</p>"]
    )
    due_at: WholeSecondsDatetime | None
    points_possible: int | None = Field(examples=[20])
    submission_types: str | None = Field(
        description="separated by commas", examples=["online_upload,online_url"]
    )
    created_at: WholeSecondsDatetime
    updated_at: WholeSecondsDatetime


@dataclass(frozen=True)
class StudentSubmission:
    """What a listing showed of the student's own submission, as it is stored."""

    stored: dict[str, Any]
    submission_hash: str
    is_handed_in: bool

    @classmethod
    def of(cls, entry: SubmissionEntry) -> Self:
        """Return what is to be kept of an entry's submission."""
        stored = {
            "submittedAt": _beginning(entry.submitted_at),
            "submissionType": _beginning(entry.submission_type),
            "workflowState": _beginning(entry.workflow_state),
            "files": [
                {
                    "filename": _beginning(file.filename),
                    "size": file.size,
                    "contentType": _beginning(file.content_type),
                }
                for file in entry.files[:MAX_FILES]
            ],
        }
        digest = blake2b(orjson.dumps(stored), digest_size=16).hexdigest()
        return cls(stored, digest, is_handed_in(entry.submitted_at, entry.workflow_state))


def _beginning(text: str | None) -> str | None:
    return None if text is None else text[:MAX_TEXT_LENGTH]


@dataclass(frozen=True)
class ListedAssignment:
    """One entry of a student's listing, its texts as Canvas sent them."""

    canvas_assignment_id: int
    title: str
    description: str | None
    due_at: datetime | None
    points_possible: int | None
    submission_types: str | None
    submission: StudentSubmission | None = None
    """The student's own; None when the entry does not say."""

    def fingerprint(self, course_id: int) -> str:
        """Return a hash by which an unchanged entry is recognised without reading what is stored."""
        values = (
            LISTING_VERSION,
            course_id,
            self.canvas_assignment_id,
            self.title,
            self.description,
            self.due_at,
            self.points_possible,
            self.submission_types,
        )
        return blake2b(orjson.dumps(values), digest_size=16).hexdigest()


@dataclass(frozen=True)
class CourseListing:
    """What a student's Canvas listed in one course.

    `complete_ids` are the Canvas ids of the whole listing when this part ends a complete one; None removes
    nothing.
    """

    course_id: int
    assignments: tuple[ListedAssignment, ...]
    complete_ids: frozenset[int] | None


@dataclass
class ListingEffect:
    """What a student's listings changed for anyone."""

    created_ids: list[int] = field(default_factory=list)
    """Assignments that are new."""

    updated_ids: list[int] = field(default_factory=list)
    """Assignments whose title, description or due date changed."""

    reworded_ids: list[int] = field(default_factory=list)
    """Assignments that changed in what everyone sees alike: all but the due date and submission types."""

    handed_in_ids: list[int] = field(default_factory=list)
    """Assignments of which the student handed in something that was not known."""

    submission_ids: list[int] = field(default_factory=list)
    """Those, and the ones whose submission was known and is now another."""

    course_ids: set[int] = field(default_factory=set)
    """Courses in which a shared assignment was created, changed or removed."""


@dataclass(frozen=True)
class VisibleAssignment:
    """An assignment as one student sees it."""

    assignment_id: int
    canvas_assignment_id: int
    course_id: int
    title: str
    description: str | None
    due_at: datetime | None
    points_possible: int | None


CourseViews = Mapping[int, bool]
"""Courses of a student by id; true where the student has had a listing and sees only what it showed."""
