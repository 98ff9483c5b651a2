"""Writes what was seen in Canvas as messages, none above the size limit (events.md 3 and 9, Q-10)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lambdas.canvas_sync.canvas.schemas import (
    CanvasAssignment,
    CanvasCourse,
    CanvasSubmission,
)
from lambdas.canvas_sync.schemas import SyncMode
from shared.events.canvas_sync import (
    CANVAS_COURSES_SYNCED,
    CANVAS_SYNC_COMPLETED,
    AssignmentEntry,
    CourseEntry,
    SubmissionEntry,
    SyncMessage,
)
from shared.events.submissions import SubmittedFile
from shared.events.times import write_event_time
from shared.messaging.publisher import MAX_BODY_BYTES

MAX_DESCRIPTION_BYTES = 65_535
"""What the column of the consumer holds; more would be carried for nothing."""

MAX_NAME_CHARACTERS = 255
MAX_TIME_CHARACTERS = 64
MAX_FILES = 20
"""Of one submission; Canvas sets no limit, and a message has one."""

MAX_ADDRESS_CHARACTERS = 2_048
"""Longer than any browser follows; such an address is left out, a cut one would lead elsewhere."""


@dataclass(frozen=True)
class Envelope:
    """What all messages of one synchronisation share."""

    cognito_sub: str
    mode: SyncMode
    synced_at: str

    def body(self, observed_at: str, courses: Sequence[CourseEntry]) -> bytes:
        """Return the body of one message."""
        is_courses_only = self.mode is SyncMode.COURSES
        return SyncMessage(
            event_type=CANVAS_COURSES_SYNCED if is_courses_only else CANVAS_SYNC_COMPLETED,
            cognito_sub=self.cognito_sub,
            synced_at=self.synced_at,
            sync_mode=self.mode.value,
            observed_at=observed_at,
            courses=list(courses),
        ).to_body()


def course_list_bodies(
    envelope: Envelope, observed_at: str, courses: Sequence[CanvasCourse]
) -> Iterator[bytes]:
    """Yield the messages of mode `courses`: one, even without courses, or as many as the size limit asks for."""
    empty_size = len(envelope.body(observed_at, []))
    part: list[CourseEntry] = []
    size = empty_size
    for course in courses:
        entry = _course_entry(course, [])
        cost = len(entry.to_body()) + 1
        if part and size + cost > MAX_BODY_BYTES:
            yield envelope.body(observed_at, part)
            part, size = [], empty_size
        part.append(entry)
        size += cost
    yield envelope.body(observed_at, part)


@dataclass
class CourseParts:
    """Cuts one course's assignments into messages while its pages arrive.

    Only the assignments of one unsent part are held. The course is repeated in every part.
    """

    envelope: Envelope
    course: CanvasCourse
    observed_at: str
    assignments_count: int = 0
    _part: list[AssignmentEntry] = field(default_factory=list)
    _size: int = 0
    _empty_size: int = 0

    def __post_init__(self) -> None:
        self._size = self._empty_size = len(self._body([]))

    def add(self, assignments: Sequence[CanvasAssignment]) -> Iterator[bytes]:
        """Take assignments in and yield each part that is full."""
        for assignment in assignments:
            entry, cost = self._fitting_entry(assignment)
            if self._size + cost > MAX_BODY_BYTES:
                yield self._flush()
            self._part.append(entry)
            self._size += cost
            self.assignments_count += 1

    def end(self, listed_ids: Sequence[int] | None) -> Iterator[bytes]:
        """Yield the last part, which says what the complete listing held.

        Args:
            listed_ids: All ids of the listing; `None` when they are not all known, which is then left unsaid.
        """
        if listed_ids is None:
            yield self._flush()
            return
        ids = list(listed_ids)
        if self._size + len(self._body([], ids)) - self._empty_size > MAX_BODY_BYTES:
            yield self._flush()
        yield self._body(self._part, ids)

    def _fitting_entry(self, assignment: CanvasAssignment) -> tuple[AssignmentEntry, int]:
        # Control characters take six bytes in JSON, so even a description that fits its column may not fit a message.
        limit = MAX_DESCRIPTION_BYTES
        while True:
            entry = _assignment_entry(assignment, max_description_bytes=limit)
            cost = len(entry.to_body()) + 1
            if self._empty_size + cost <= MAX_BODY_BYTES or limit == 0:
                return entry, cost
            limit //= 2

    def _flush(self) -> bytes:
        body = self._body(self._part)
        self._part, self._size = [], self._empty_size
        return body

    def _body(self, part: Sequence[AssignmentEntry], listed_ids: list[int] | None = None) -> bytes:
        course = _course_entry(self.course, part)
        if listed_ids is not None:
            course.complete = True
            course.canvas_assignment_ids = listed_ids
        return self.envelope.body(self.observed_at, [course])


def cut_to_bytes(text: str, limit: int) -> str:
    """Return as much of a text as fits so many bytes of UTF-8, cut between two characters."""
    encoded = text.encode("utf-8")
    return text if len(encoded) <= limit else encoded[:limit].decode("utf-8", "ignore")


def _course_entry(course: CanvasCourse, assignments: Sequence[AssignmentEntry]) -> CourseEntry:
    return CourseEntry(
        canvas_course_id=course.id,
        # A student's nickname for a course must not rename it for everybody.
        course_name=(course.original_name or course.name)[:MAX_NAME_CHARACTERS],
        course_code=(course.course_code or "")[:MAX_NAME_CHARACTERS],
        workflow_state=(course.workflow_state or "available")[:MAX_NAME_CHARACTERS],
        start_at=_short_or_none(course.start_at, MAX_TIME_CHARACTERS),
        end_at=_short_or_none(course.end_at, MAX_TIME_CHARACTERS),
        assignments=list(assignments),
    )


def _assignment_entry(
    assignment: CanvasAssignment, *, max_description_bytes: int
) -> AssignmentEntry:
    entry = AssignmentEntry(
        canvas_assignment_id=assignment.id,
        title=assignment.name[:MAX_NAME_CHARACTERS],
        description=cut_to_bytes(assignment.description or "", max_description_bytes),
        due_at=write_event_time(assignment.due_at),
        points_possible=assignment.points_possible,
        submission_types=",".join(assignment.submission_types)[:MAX_NAME_CHARACTERS],
        html_url=_short_or_none(assignment.html_url, MAX_ADDRESS_CHARACTERS),
        created_at=write_event_time(assignment.created_at),
        updated_at=write_event_time(assignment.updated_at),
    )
    if assignment.submission is not None:
        entry.submission = _submission_entry(assignment.submission)
    return entry


def _submission_entry(submission: CanvasSubmission) -> SubmissionEntry:
    return SubmissionEntry(
        submitted_at=write_event_time(submission.submitted_at),
        submission_type=_short_or_none(submission.submission_type, MAX_NAME_CHARACTERS),
        workflow_state=_short_or_none(submission.workflow_state, MAX_NAME_CHARACTERS),
        files=[
            SubmittedFile(
                filename=name[:MAX_NAME_CHARACTERS],
                size=file.size,
                content_type=_short_or_none(file.content_type, MAX_NAME_CHARACTERS),
            )
            for file in submission.attachments[:MAX_FILES]
            if (name := file.display_name or file.filename)
        ],
    )


def _short_or_none(text: str | None, limit: int) -> str | None:
    return text if text is not None and len(text) <= limit else None
